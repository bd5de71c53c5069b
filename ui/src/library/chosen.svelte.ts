import { SvelteSet } from 'svelte/reactivity'

/** Which files are chosen, to do something with all of them. */
export class Chosen {
  readonly ids = new SvelteSet<string>()
  // Where a range begins.
  #anchor = ''

  get size(): number {
    return this.ids.size
  }

  has(id: string): boolean {
    return this.ids.has(id)
  }

  toggle(id: string): void {
    if (!this.ids.delete(id)) this.ids.add(id)
    this.#anchor = id
  }

  /** Chooses everything from the last one that was chosen up to this one, in the order of the list. */
  through(id: string, order: readonly string[]): void {
    const to = order.indexOf(id)
    const from = order.indexOf(this.#anchor)
    if (to < 0) return
    if (from < 0) {
      this.ids.add(id)
      this.#anchor = id
      return
    }
    for (const one of order.slice(Math.min(from, to), Math.max(from, to) + 1)) this.ids.add(one)
  }

  all(order: readonly string[]): void {
    for (const id of order) this.ids.add(id)
  }

  clear(): void {
    this.ids.clear()
    this.#anchor = ''
  }

  /** Forgets what is no longer there. */
  keep(there: (id: string) => boolean): void {
    for (const id of [...this.ids]) if (!there(id)) this.ids.delete(id)
  }
}

/** Where the focus goes from a place in a grid; the same place when there is nothing further. */
export function step(key: string, at: number, columns: number, count: number): number {
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + columns, ArrowUp: at - columns, Home: 0, End: count - 1 }[key]
  if (to === undefined || to < 0) return at
  // Below the last full row the last one is meant, not nothing.
  if (to >= count) return key === 'ArrowDown' && Math.floor(at / columns) < Math.floor((count - 1) / columns) ? count - 1 : at
  return to
}
