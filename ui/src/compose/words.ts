import type { Way } from './composition.svelte.ts'
import { clock, day } from '../words/time.ts'
import { dueOf, instantOf, type When } from './when.ts'

/** What pressing the button will do: "Schedule for Tue 24 Nov, 18:00", "Post now". */
export function deed(when: When, way: Way, toInbox = false): string {
  if (when.mode === 'now') return toInbox ? 'Send to the inbox now' : 'Post now'
  const due = dueOf(when)
  if (!due) return 'Schedule'
  const at = instantOf(due)
  return `${way === 'change' ? 'Save for' : toInbox ? 'Send to the inbox on' : 'Schedule for'} ${day(at, when.zone)}, ${clock(at, when.zone)}`
}
