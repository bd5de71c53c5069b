import type { Composition } from './composition.svelte.ts'
import { clock, day } from '../words/time.ts'
import type { Way } from './way.ts'
import { dueOf, instantOf, type When } from './when.ts'

/** What pressing the button will do: "Schedule for Tue 24 Nov, 18:00", "Post now". */
export function deed(when: When, way: Way, toInbox = false): string {
  if (when.mode === 'now') return toInbox ? 'Send to the inbox now' : 'Post now'
  const due = dueOf(when)
  if (!due) return 'Schedule'
  const at = instantOf(due)
  return `${way === 'change' ? 'Save for' : toInbox ? 'Send to the inbox on' : 'Schedule for'} ${day(at, when.zone)}, ${clock(at, when.zone)}`
}

/** Whether what is on the screen is safe, and where: "Saved as a draft". */
export function savedWords(c: Pick<Composition, 'way' | 'changed' | 'saving' | 'post'>, signedOut: boolean): string {
  if (c.way !== 'draft') return c.changed ? 'Not saved yet' : ''
  switch (c.saving) {
    case 'offline':
      return signedOut ? 'Kept here until you are signed in' : 'Kept here; the server does not answer'
    case 'refused':
      return 'Not saved'
    case 'saving':
    case 'unsaved':
      return 'Saving'
    case 'clean':
      return c.post ? 'Saved as a draft' : ''
  }
}
