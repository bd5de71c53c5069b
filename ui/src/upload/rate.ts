const window = 8_000

/** How fast something goes, by what went in the last seconds. Times are milliseconds on one clock. */
export class Rate {
  #marks: { at: number; bytes: number }[] = []

  /** Notes that so many bytes were through at a time. Fewer than before means that it began anew from there. */
  mark(at: number, bytes: number): void {
    const last = this.#marks.at(-1)
    if (last && bytes < last.bytes) this.#marks = []
    this.#marks.push({ at, bytes })
    while (this.#marks.length > 2 && at - this.#marks[0]!.at > window) this.#marks.shift()
  }

  /** Forgets, because it stood still on purpose. */
  reset(): void {
    this.#marks = []
  }

  /** Bytes in a second; 0 until there is enough to say. */
  get perSecond(): number {
    const first = this.#marks[0]
    const last = this.#marks.at(-1)
    if (!first || !last || last.at - first.at < 500) return 0
    return ((last.bytes - first.bytes) / (last.at - first.at)) * 1000
  }
}

/** "about 20 s left", coarse enough not to jump; empty when nobody can say. */
export function timeLeft(bytes: number, perSecond: number): string {
  if (bytes <= 0 || perSecond <= 0) return ''
  const seconds = bytes / perSecond
  if (seconds < 5) return 'a few seconds left'
  if (seconds < 55) return `about ${Math.ceil(seconds / 5) * 5} s left`
  if (seconds < 3600) return `about ${Math.ceil(seconds / 60)} min left`
  if (seconds > 48 * 3600) return 'more than two days left'
  const minutes = Math.ceil(seconds / 600) * 10
  return `about ${Math.floor(minutes / 60)} h ${minutes % 60 > 0 ? `${minutes % 60} min ` : ''}left`
}
