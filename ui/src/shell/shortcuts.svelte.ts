import { tick } from 'svelte'
import { navigate } from '../router.ts'

export const map = $state({ open: false })

/** What the keyboard does on every screen. Shown by "?". */
export const keys: { keys: string; does: string }[] = [
  { keys: 'C', does: 'New post' },
  { keys: 'G then C', does: 'Calendar' },
  { keys: 'G then P', does: 'Posts' },
  { keys: 'G then L', does: 'Library' },
  { keys: 'G then A', does: 'Accounts' },
  { keys: '/', does: 'Search the library' },
  { keys: '← →', does: 'Calendar: earlier, later' },
  { keys: 'T', does: 'Calendar: today' },
  { keys: 'M', does: 'Move the post' },
  { keys: 'X', does: 'Choose the post, to do something with several' },
  { keys: 'D', does: 'Duplicate the post' },
  { keys: 'Delete', does: 'Cancel the post' },
  { keys: 'Space', does: 'Library: choose the file; with Shift and arrows several' },
  { keys: '?', does: 'This list' },
]

const goes = { c: '/', p: '/posts', l: '/library', a: '/accounts' } as const
let afterG = -Infinity // a page that was loaded a moment ago has not heard it yet

async function search(): Promise<void> {
  const field = () => document.querySelector<HTMLElement>('[type=search]')
  if (!field()) await navigate('/library')
  await tick()
  field()?.focus()
}

/** Handles a key press, unless somebody is typing or a dialog is open. */
export function shortcuts(e: KeyboardEvent): void {
  const at = e.target as HTMLElement
  if (e.ctrlKey || e.metaKey || e.altKey || at.isContentEditable || at.closest('input, textarea, select, dialog[open], [role=menu]')) return
  const key = e.key.toLowerCase()
  if (e.timeStamp - afterG < 1200 && key in goes) {
    afterG = -Infinity
    void navigate(goes[key as keyof typeof goes])
    return
  }
  afterG = key === 'g' ? e.timeStamp : -Infinity
  if (key === 'c') void navigate('/compose')
  else if (e.key === '/') void search()
  else if (e.key === '?') map.open = true
  else return
  e.preventDefault()
}
