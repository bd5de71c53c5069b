import type { Answers } from '../panels/tiktok/answers.ts'
import type { When } from './when.ts'

/** What a person wrote and the server may not have yet. */
export interface Unsaved {
  /** When it was written. */
  at: number
  /** The version of the post that it was written upon; 0 for a post that was not at the server. */
  base: number
  /** What was on its way to the server just then, as `jsonOf` writes it: a version that says this is no change of somebody else. */
  sent?: string
  /** Whether content differs from that version; the time of a draft is only ever kept here. */
  changed: boolean
  account: string
  media: string[]
  caption: string
  answers: Answers
  when: When
  labels?: string[]
}

const prefix = 'shippost.unsaved.'
const keptFor = 30 * 86_400_000

export function keep(key: string, unsaved: Unsaved): void {
  try {
    localStorage.setItem(prefix + key, JSON.stringify(unsaved))
  } catch {
    // A full or forbidden storage leaves what the server has.
  }
}

export function kept(key: string): Unsaved | undefined {
  try {
    const text = localStorage.getItem(prefix + key)
    return text ? (JSON.parse(text) as Unsaved) : undefined
  } catch {
    return undefined
  }
}

export function forget(key: string): void {
  try {
    localStorage.removeItem(prefix + key)
  } catch {
    // Then there is nothing to forget.
  }
}

/**
 * New posts that never reached the server, such as from a tab that was closed without a connection; newest first. What is old goes, and
 * a page on which nothing was written is nothing to come back to.
 */
export function stranded(now = Date.now()): { key: string; unsaved: Unsaved }[] {
  const found: { key: string; unsaved: Unsaved }[] = []
  try {
    for (const name of Object.keys(localStorage)) {
      if (!name.startsWith(prefix)) continue
      const key = name.slice(prefix.length)
      const unsaved = kept(key)
      if (!unsaved || now - unsaved.at > keptFor) forget(key)
      else if (unsaved.base === 0 && unsaved.changed && (unsaved.caption.trim() || unsaved.media.length > 0)) found.push({ key, unsaved })
    }
  } catch {
    // Without storage nothing is stranded.
  }
  return found.sort((a, b) => b.unsaved.at - a.unsaved.at)
}

/** Takes a key for this tab alone, so that another one does not offer what is being written here. Resolves to whether it was free. */
export function own(key: string): Promise<boolean> {
  if (!navigator.locks) return Promise.resolve(true)
  return new Promise((resolve) => {
    void navigator.locks.request(prefix + key, { ifAvailable: true }, (lock) => {
      resolve(lock !== null)
      // Held until the page is gone.
      return lock ? new Promise(() => undefined) : undefined
    })
  })
}
