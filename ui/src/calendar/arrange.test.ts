import { expect, test } from 'vitest'
import type { CalendarDay, Post } from '../api/client.ts'
import { arrange, hourBucket } from './arrange.ts'

const post = (id: string, due_at: string) => ({ id, due_at }) as Post
const day = (date: string, spans: { starts_at: string; count: number; posts: Post[] }[]) =>
  ({ date, starts_at: '', ends_at: '', spans: spans.map((s) => ({ ...s, states: {} })) }) as CalendarDay

test('counts what is not told in full', () => {
  const a = post('a', '2026-11-24T10:00:00Z')
  const got = arrange([day('2026-11-24', [{ starts_at: '2026-11-24T00:00:00Z', count: 9, posts: [a] }])], new Map(), 'day', 'UTC')
  expect(got.get('2026-11-24')).toEqual({ count: 9, posts: [a] })
})

test('shows a moved post where it goes, in order, and not where it was', () => {
  const a = post('a', '2026-11-24T10:00:00Z')
  const b = post('b', '2026-11-25T09:00:00Z')
  const moved = { ...a, due_at: '2026-11-25T08:00:00Z' }
  const got = arrange(
    [
      day('2026-11-24', [{ starts_at: '2026-11-24T00:00:00Z', count: 1, posts: [a] }]),
      day('2026-11-25', [{ starts_at: '2026-11-25T00:00:00Z', count: 4, posts: [b] }]),
    ],
    new Map([['a', moved]]), 'day', 'UTC',
  )
  expect(got.has('2026-11-24')).toBe(false)
  expect(got.get('2026-11-25')).toEqual({ count: 5, posts: [moved, b] })
})

test('keeps the two hours apart that the clock shows twice', () => {
  const first = post('a', '2026-10-25T00:30:00Z')
  const second = post('b', '2026-10-25T01:30:00Z')
  const got = arrange(
    [day('2026-10-25', [{ starts_at: '2026-10-25T00:00:00Z', count: 1, posts: [first] }, { starts_at: '2026-10-25T01:00:00Z', count: 1, posts: [second] }])],
    new Map(), 'hour', 'Europe/Zurich',
  )
  expect(got.get(hourBucket('2026-10-25', '2'))?.posts).toEqual([first])
  expect(got.get(hourBucket('2026-10-25', '2*'))?.posts).toEqual([second])
})
