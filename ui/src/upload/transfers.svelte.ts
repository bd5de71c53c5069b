import { untrack } from 'svelte'
import { refusal } from './accepts.ts'
import { Transfer } from './transfer.svelte.ts'

/** The files on their way from this page, newest last. While they are held, none begins. */
export const transfers = $state<{ all: Transfer[]; held: boolean }>({ all: [], held: false })

// As many as a workspace may have; the server refuses more.
const atOnce = 3
// What somebody waits for in the composer does not stand behind five hundred others.
const first = new Set<Transfer>()

$effect.root(() => {
  $effect(() => {
    const waiting = transfers.all.filter((t) => t.state === 'lined-up' && !t.waitsInLine)
    let free = atOnce - transfers.all.filter((t) => t.busy).length
    if (free <= 0 || waiting.length === 0) return
    const held = transfers.held
    untrack(() => {
      for (const t of [...waiting.filter((w) => first.has(w)), ...(held ? [] : waiting.filter((w) => !first.has(w)))]) {
        if (free-- <= 0) return
        t.begin()
      }
    })
  })
})

/** Uploads a file as one of the next, or goes on with the one that is the same. */
export function upload(file: File): Transfer {
  const same = underWay(file)
  if (same) {
    first.add(same)
    same.resume()
    return same
  }
  const transfer = new Transfer(file)
  first.add(transfer)
  transfers.all.push(transfer)
  return transfer
}

/** Uploads many files, a few at a time. One that cannot be a video or photo says so and does not travel. */
export function uploadAll(files: readonly File[]): void {
  // One that arrived before is looked at again, so that it can be said that it is here.
  const added = files.filter((file) => (underWay(file)?.state ?? 'arrived') === 'arrived').map((file) => {
    const transfer = new Transfer(file)
    const words = refusal(file)
    if (words) transfer.refuse(words)
    return transfer
  })
  transfers.all.push(...added)
}

/** Holds everything: what travels is paused, and nothing begins. */
export function holdAll(): void {
  transfers.held = true
  for (const t of transfers.all) t.pause()
}

/** Goes on with everything that was held or paused. */
export function goOnWithAll(): void {
  for (const t of transfers.all) if (t.state === 'paused') t.lineUp()
  transfers.held = false
}

/** Tries everything again that failed and may succeed. */
export function retryAll(): void {
  for (const t of transfers.all) if (t.state === 'failed') t.lineUp()
  transfers.held = false
}

/** The transfer that brings a file, if this page has one. */
export function bringing(media: string): Transfer | undefined {
  return transfers.all.find((t) => t.mediaId === media)
}

/** Takes a file out of the tray; one that is still on its way ends. */
export function discard(transfer: Transfer): void {
  discardAll([transfer])
}

/** Takes files out of the tray. */
export function discardAll(some: readonly Transfer[]): void {
  const gone = new Set(some)
  for (const t of gone) {
    t.discard()
    first.delete(t)
  }
  transfers.all = transfers.all.filter((t) => !gone.has(t))
  if (transfers.all.length === 0) transfers.held = false
}

function underWay(file: File): Transfer | undefined {
  return transfers.all.find((t) => sameFile(t.file, file) && t.state !== 'failed')
}

function sameFile(a: File, b: File): boolean {
  return a.name === b.name && a.size === b.size && a.lastModified === b.lastModified
}

/** Keeps uploads going while the page is open. */
export function keepGoing(): () => void {
  const nudge = () => transfers.all.forEach((t) => t.nudge())
  const warn = (e: BeforeUnloadEvent) => {
    // Going on later needs the file to be chosen again, so a closed tab should be meant.
    if (transfers.all.some((t) => t.busy || t.state === 'lined-up')) e.preventDefault()
  }
  addEventListener('online', nudge)
  addEventListener('beforeunload', warn)
  return () => {
    removeEventListener('online', nudge)
    removeEventListener('beforeunload', warn)
  }
}
