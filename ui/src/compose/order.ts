/** A middle of something on the screen. */
export interface Spot {
  x: number
  y: number
}

/** How many things a row has, by the upper edges of all, so that the keys up and down keep their column. */
export function columnsOf(tops: number[]): number {
  const second = tops.findIndex((top) => top !== tops[0])
  return Math.max(1, second === -1 ? tops.length : second)
}

/** Where a key leads from a place among so many; undefined when the key leads nowhere, or out of them. */
export function placeBy(key: string, at: number, count: number, columns: number): number | undefined {
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - columns, ArrowDown: at + columns, Home: 0, End: count - 1 }[key]
  return to !== undefined && to >= 0 && to < count ? to : undefined
}

/** Which of some places is nearest to a point. */
export function nearest(spots: Spot[], x: number, y: number): number {
  const distance = spots.map((s) => Math.hypot(s.x - x, s.y - y))
  return distance.indexOf(Math.min(...distance))
}

/** Some things with one of them at another place. */
export function moved<T>(all: T[], one: T, to: number): T[] {
  const order = all.filter((t) => t !== one)
  order.splice(to, 0, one)
  return order
}
