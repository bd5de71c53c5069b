import type { Post } from '../api/client.ts'
import type { Bucket } from './arrange.ts'

/** What is drawn of an hour: its posts, how many it has, and how many of them are one press away. */
export interface Shown {
  posts: Post[]
  count: number
  more: number
}

/** How many posts an hour of a week draws. */
const inWeek = 3
/** From how many on an hour of a day is a crowd, and how many it then draws until somebody wants to see all. */
const crowd = 20
const inCrowd = 12

/** What a week draws of an hour: the others are in its day. */
export function ofWeek(bucket: Bucket | undefined): Shown {
  const posts = bucket?.posts.slice(0, inWeek) ?? []
  return { posts, count: bucket?.count ?? 0, more: (bucket?.count ?? 0) - posts.length }
}

/** What a day draws of an hour: all of it when it is open, or when it is no crowd. `missing` are those that did not come with the calendar. */
export function ofDay(posts: Post[], open: boolean, missing: number): Shown {
  const folded = !open && posts.length > crowd
  const shown = folded ? posts.slice(0, inCrowd) : posts
  return { posts: shown, count: posts.length, more: posts.length - shown.length + (open ? 0 : missing) }
}

/** An hour's posts with others that came after them, each once and in the order in which they go out. */
export function joined(posts: Post[], others: Post[]): Post[] {
  const known = new Set(posts.map((p) => p.id))
  const more = others.filter((p) => !known.has(p.id))
  return more.length === 0 ? posts : [...posts, ...more].sort((x, y) => (x.due_at ?? '').localeCompare(y.due_at ?? ''))
}
