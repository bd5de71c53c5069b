import { items, type Item, type Seen } from './items.ts'
import { measured, type State } from './refusals.ts'

/** Whether what an item is about stands on the page, in sight, with the words that reviewers look for. */
function readable(item: Item, seen: Seen): boolean {
  if (item.at === undefined || seen.screen !== 'compose') return true
  const part = document.getElementById(item.at)
  return part !== null && part.checkVisibility() && (item.readable?.(part, seen) ?? true)
}

const where = 'shippost.review'

interface Kept {
  on: boolean
  at: number
  ticked: string[]
  measured?: Record<string, State>
}

function kept(): Kept {
  try {
    const found = JSON.parse(sessionStorage.getItem(where) ?? '') as Kept
    return { on: found.on, at: Math.min(Math.max(0, found.at), items.length - 1), ticked: found.ticked.filter((id) => items.some((i) => i.id === id)), measured: found.measured ?? {} }
  } catch {
    return { on: false, at: 0, ticked: [] }
  }
}

/** A walk through TikTok's checklist on the real screens, for one browser tab. A screen that shows the item it is at ticks it. */
class Review {
  on = $state(false)
  at = $state(0)
  ticked = $state<string[]>([])
  /** How the usual refusals stand, as the screens of this walk showed. */
  measured = $state<Record<string, State>>({})
  #soon = 0
  #before = new Set<string>()

  constructor() {
    Object.assign(this, kept())
  }

  get item(): Item {
    return items[this.at]!
  }

  get done(): boolean {
    return this.ticked.includes(this.item.id)
  }

  start(): void {
    this.ticked = []
    this.measured = {}
    this.on = true
    this.go(0)
  }

  stop(): void {
    this.on = false
    this.#keep()
  }

  go(to: number): void {
    this.at = Math.min(Math.max(0, to), items.length - 1)
    this.#before.clear()
    this.#keep()
  }

  /** To be called by screens whenever what they show changes. */
  look(seen: Seen): void {
    if (!this.on) return
    const { item } = this
    const met = item.shown(seen, this.#before)
    // What a screen shows can be read once it is drawn.
    window.clearTimeout(this.#soon)
    this.#soon = window.setTimeout(() => {
      this.measured = { ...this.measured, ...measured(seen, document) }
      if (met && !this.ticked.includes(item.id) && readable(item, seen)) this.ticked = [...this.ticked, item.id]
      this.#keep()
    }, 100)
  }

  #keep(): void {
    try {
      sessionStorage.setItem(where, JSON.stringify({ on: this.on, at: this.at, ticked: this.ticked, measured: this.measured }))
    } catch {
      // Then the walk ends with this page.
    }
  }
}

export const review = new Review()
