import type { Transfer } from './transfer.svelte.ts'

type Counted = Pick<Transfer, 'state' | 'sent' | 'perSecond' | 'hopeless'> & { file: Pick<File, 'size'>; media?: { status: string } }

/** How far many files are, together. */
export interface Sum {
  count: number
  /** Here, and not refused by the check. */
  done: number
  /** Need a person: refused, or given up. */
  bad: number
  /** Failed in a way that may succeed. */
  again: number
  /** On their way or in line. */
  open: number
  paused: number
  sent: number
  size: number
  perSecond: number
}

/** Adds up what is worth adding; files that will never travel have no part in the bytes. */
export function sumOf(all: readonly Counted[]): Sum {
  const sum: Sum = { count: all.length, done: 0, bad: 0, again: 0, open: 0, paused: 0, sent: 0, size: 0, perSecond: 0 }
  for (const t of all) {
    const refused = t.state === 'arrived' && t.media?.status === 'rejected'
    if (t.state === 'failed' || refused) sum.bad++
    else if (t.state === 'arrived') sum.done++
    else if (t.state === 'paused') sum.paused++
    else sum.open++
    if (t.state === 'failed' && !t.hopeless) sum.again++
    if (t.hopeless) continue
    sum.size += t.file.size
    sum.sent += t.state === 'arrived' ? t.file.size : t.sent
    if (t.state === 'sending') sum.perSecond += t.perSecond
  }
  return sum
}

/** Which of many are worth a line each: what needs a person, what moves, what comes next, and what came last. */
export function worthALine<T extends Counted>(all: readonly T[], most = 40): { lines: T[]; more: number } {
  const trouble: T[] = []
  const moving: T[] = []
  const next: T[] = []
  const here: T[] = []
  for (const t of all) {
    if (t.state === 'failed' || t.media?.status === 'rejected') trouble.push(t)
    else if (t.state === 'lined-up') next.push(t)
    else if (t.state === 'arrived') here.push(t)
    else moving.push(t)
  }
  const lines = [...trouble, ...moving, ...next, ...here.reverse()].slice(0, most)
  return { lines, more: all.length - lines.length }
}
