import { onDestroy } from 'svelte'

export interface Toast {
  id: number
  words: string
  tone: 'plain' | 'bad'
  action?: { words: string; run: () => void }
}

/** Short notes about what was just done, newest last. What a person must not miss belongs on the screen itself. */
export const toasts = $state<Toast[]>([])

let count = 0

/** Shows a note for a while; longer when there is something to press. It returns what `dismiss` takes it away by. */
export function toast(words: string, more: Partial<Omit<Toast, 'id' | 'words'>> = {}): number {
  const id = ++count
  toasts.push({ id, words, tone: 'plain', ...more })
  window.setTimeout(() => dismiss(id), more.action || more.tone === 'bad' ? 10_000 : 5_000)
  return id
}

/**
 * The same for a component whose notes offer what only it can do, such as undoing what is still being written: they go with it. To be
 * called as the component begins.
 */
export function toastHere(): typeof toast {
  const mine: number[] = []
  onDestroy(() => mine.forEach(dismiss))
  return (words, more) => {
    const id = toast(words, more)
    mine.push(id)
    return id
  }
}

/** Says that something is under way, where nothing on the screen shows it, unless it is done before anybody notices. */
export async function meanwhile<T>(words: string, work: Promise<T>): Promise<T> {
  let id = 0
  const soon = window.setTimeout(() => (id = toast(words)), 40)
  try {
    return await work
  } finally {
    window.clearTimeout(soon)
    dismiss(id)
  }
}

export function dismiss(id: number): void {
  const at = toasts.findIndex((t) => t.id === id)
  if (at >= 0) toasts.splice(at, 1)
}
