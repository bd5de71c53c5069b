import type { CalendarDay, Post } from '../api/client.ts'
import { isoDate } from '../words/time.ts'
import { hourKey, rowOf, shapeOf, type DayShape } from './hours.ts'
import type { IsoDate } from './month.ts'

/** What lies in a day, or in an hour of it: how many posts, and the first of them. */
export interface Bucket {
  count: number
  posts: Post[]
}

/** Buckets by date, or by date and hour; see `hourBucket`. */
export type Buckets = Map<string, Bucket>

export function hourBucket(date: IsoDate, key: string): string {
  return `${date} ${key}`
}

/**
 * Puts what the server told into buckets, with posts that were moved here shown at their new time already. `by` says whether a
 * bucket is a day or an hour. Moved posts count where they went, not where they were.
 */
export function arrange(days: CalendarDay[], moved: ReadonlyMap<string, Post>, by: 'day' | 'hour', zone: string): Buckets {
  const buckets: Buckets = new Map()
  const shapes = new Map<IsoDate, DayShape>()
  const keyOf = (at: Date): string => {
    const date = isoDate(at, zone)
    if (by === 'day') return date
    let shape = shapes.get(date)
    if (!shape) shapes.set(date, (shape = shapeOf(date, zone)))
    return hourBucket(date, hourKey(rowOf(shape, at)))
  }
  const bucket = (key: string): Bucket => {
    let b = buckets.get(key)
    if (!b) buckets.set(key, (b = { count: 0, posts: [] }))
    return b
  }
  for (const day of days) {
    for (const span of day.spans) {
      const b = bucket(by === 'day' ? day.date : keyOf(new Date(span.starts_at)))
      const staying = span.posts.filter((p) => !moved.has(p.id))
      b.count += span.count - (span.posts.length - staying.length)
      b.posts.push(...staying)
    }
  }
  for (const post of moved.values()) {
    if (!post.due_at) continue
    const b = bucket(keyOf(new Date(post.due_at)))
    b.count++
    b.posts.push(post)
    b.posts.sort((x, y) => (x.due_at ?? '').localeCompare(y.due_at ?? ''))
  }
  for (const [key, b] of buckets) if (b.count === 0) buckets.delete(key)
  return buckets
}

/** All posts that are in buckets, each once. */
export function postsIn(buckets: Buckets): Post[] {
  return [...buckets.values()].flatMap((b) => b.posts)
}
