import { expect, test } from 'vitest'
import type { Post } from '../api/client.ts'
import { joined, ofDay, ofWeek } from './crowd.ts'

const posts = (n: number) => Array.from({ length: n }, (_, i) => ({ id: `p${i}`, due_at: `2026-11-24T12:00:${String(i).padStart(2, '0')}Z` }) as Post)

test('a week draws three posts of an hour, and says how many are in its day', () => {
  expect(ofWeek({ count: 40, posts: posts(20) })).toMatchObject({ count: 40, more: 37, posts: [{ id: 'p0' }, { id: 'p1' }, { id: 'p2' }] })
  expect(ofWeek({ count: 2, posts: posts(2) }).more).toBe(0)
  expect(ofWeek(undefined)).toEqual({ posts: [], count: 0, more: 0 })
})

test('a day folds a crowd until it is opened', () => {
  expect(ofDay(posts(20), false, 0)).toMatchObject({ count: 20, more: 0 })
  const folded = ofDay(posts(50), false, 80)
  expect([folded.posts.length, folded.count, folded.more]).toEqual([12, 50, 118])
  const open = ofDay(posts(50), true, 80)
  expect([open.posts.length, open.more]).toEqual([50, 0])
})

test('what came later stands where it goes out, and once', () => {
  const [a, b, c] = posts(3) as [Post, Post, Post]
  expect(joined([a, c], [c, b]).map((p) => p.id)).toEqual(['p0', 'p1', 'p2'])
  const same = [a, b]
  expect(joined(same, [b])).toBe(same)
})
