import { navigate } from '../router.ts'

export const map = $state({ open: false })

/** Whether the focus is to go to the library's search, which may be there only once the library was fetched. The next navigation drops it. */
export const search = $state({ wanted: false })

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

function toSearch(): void {
  const field = document.querySelector<HTMLElement>('[type=search]')
  if (field) return field.focus()
  search.wanted = true
  void navigate('/library')
}

/** Handles a key press, unless somebody is typing or a dialog is open. */
export function shortcuts(e: KeyboardEvent): void {
  const at = e.target as HTMLElement
  if (e.ctrlKey || e.metaKey || e.altKey || at.isContentEditable || at.closest('input, textarea, select, dialog[open], [role=menu]')) return
  const key = e.key.toLowerCase()
  if (e.timeStamp - afterG < 1200 && key in goes) {
    afterG = -Infinity
    search.wanted = false
    void navigate(goes[key as keyof typeof goes])
    return
  }
  afterG = key === 'g' ? e.timeStamp : -Infinity
  if (key === 'c') void navigate('/compose')
  else if (e.key === '/') toSearch()
  else if (e.key === '?') map.open = true
  else return
  e.preventDefault()
}
