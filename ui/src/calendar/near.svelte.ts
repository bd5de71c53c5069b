import { flushSync } from 'svelte'
import { SvelteMap } from 'svelte/reactivity'

/** How long of each frame may be spent on drawing, in milliseconds: the rest is the browser's, to lay out and paint it. */
const slice = 4

/**
 * What of something long is near the window and worth drawing. It lies in pieces, such as the rows of a table, and pieces have parts, such
 * as cells, which are drawn some in each frame. A piece that goes far keeps the height that it was seen with. One with the focus in it
 * stays, and so do all while they must: what is dragged may not go away under the pointer.
 */
export class Near {
  /** How many parts of a piece are drawn; all of them where nothing is said. */
  readonly #drawn = new SvelteMap<string, number>()
  readonly #heights = new Map<string, number>()
  readonly #nodes = new Map<Element, { key: string; parts: number }>()
  readonly #coming = new Set<Element>()
  readonly #going = new Set<Element>()
  readonly #margin: number
  readonly #begin: number
  readonly #stay: () => boolean
  #observer: IntersectionObserver | undefined
  #frame = 0

  /** margin is how far beyond the window something is near; lazy pieces are far until they were looked at. */
  constructor(margin: number, options: { lazy?: boolean; stay?: () => boolean } = {}) {
    this.#margin = margin
    this.#begin = options.lazy ? 0 : Infinity
    this.#stay = options.stay ?? (() => false)
  }

  /** How many parts of a piece are to be drawn. */
  drawn(key: string): number {
    return this.#drawn.get(key) ?? this.#begin
  }

  /** How high a piece was when it was last drawn, in pixels. */
  height(key: string): number | undefined {
    return this.#heights.get(key)
  }

  /** Begins anew with pieces of which none is drawn: the window says in the next frame which are near. */
  clear(keys: string[]): void {
    this.#heights.clear()
    for (const key of keys) this.#drawn.set(key, 0)
    for (const node of this.#nodes.keys()) {
      this.#observer?.unobserve(node)
      this.#observer?.observe(node)
    }
  }

  /** Draws a piece at once, such as the next one for somebody who comes to it with the keyboard before the window does. */
  draw(key: string): void {
    if (this.drawn(key) !== Infinity) this.#drawn.set(key, Infinity)
  }

  /** An attachment for the element that holds a piece, drawn or not. */
  watch(key: string, parts: number): (node: Element) => () => void {
    return (node) => {
      this.#observer ??= new IntersectionObserver((seen) => this.#look(seen), { rootMargin: `${this.#margin}px 0px` })
      this.#nodes.set(node, { key, parts })
      this.#observer.observe(node)
      return () => {
        this.#observer?.unobserve(node)
        for (const list of [this.#nodes, this.#coming, this.#going]) list.delete(node)
      }
    }
  }

  #look(seen: IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting, boundingClientRect } of seen) {
      const key = this.#nodes.get(target)?.key
      if (key === undefined) continue // it went meanwhile
      // Known from here, a height need not be asked for between changes to the page, which would lay it out each time.
      if (!isIntersecting && this.drawn(key) === Infinity) this.#heights.set(key, boundingClientRect.height)
      this.#coming.delete(target)
      this.#going.delete(target)
      ;(isIntersecting ? this.#coming : this.#going).add(target)
    }
    this.#frame ||= requestAnimationFrame(() => this.#draw())
  }

  #draw(): void {
    const until = performance.now() + slice
    this.#frame = 0
    while (performance.now() < until && this.#step()) flushSync()
    if (this.#coming.size > 0 || (this.#going.size > 0 && !this.#stay())) this.#frame = requestAnimationFrame(() => this.#draw())
  }

  /** Takes away what went far, or draws the next part; reports whether there was something to do. */
  #step(): boolean {
    // What goes is first, so that however fast somebody scrolls no more is drawn than is near.
    for (const node of this.#stay() ? [] : this.#going) {
      if (node.contains(document.activeElement)) continue
      const { key } = this.#nodes.get(node)!
      this.#going.delete(node)
      if (this.drawn(key) === 0) continue
      this.#drawn.set(key, 0)
      return true
    }
    for (const node of this.#coming) {
      const { key, parts } = this.#nodes.get(node)!
      const drawn = this.drawn(key)
      if (drawn + 1 >= parts) {
        this.#coming.delete(node)
        this.#drawn.set(key, Infinity)
      } else this.#drawn.set(key, drawn + 1)
      if (drawn < parts) return true
    }
    return false
  }
}
