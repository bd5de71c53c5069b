import { expect, it } from 'vitest'
import { postsAround, storyOf } from './posts.ts'
import { isSample } from './sample.svelte.ts'

it('is some days before and after, out or waiting', () => {
  const now = new Date('2026-11-26T23:30:00Z')
  const posts = postsAround(now, 'sample_')
  expect(posts.every(isSample)).toBe(true)
  expect(isSample({ id: 'post_1' })).toBe(false)
  expect(new Set(posts.map((p) => p.id)).size).toBe(posts.length)
  for (const post of posts) {
    expect(Date.parse(post.due_at!) < now.getTime(), post.caption).toBe(post.status === 'posted')
    expect(storyOf(post).at(-1)?.tone).toBe({ posted: 'good', queued: post.forecast ? 'warn' : 'done' }[post.status as string])
  }
})
