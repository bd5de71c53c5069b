import { expect, test } from 'vitest'
import type { Entry } from '../api/client.ts'
import { story } from './story.ts'

const entry = (id: string, kind: string, data = {}): Entry => ({ id, kind, data, at: `2026-11-24T18:00:0${id}Z`, actor: { kind: 'user' } }) as Entry

test('a story is told from its beginning, once for each step', () => {
  const told = story([
    entry('5', 'post.posted'),
    entry('4', 'post.sent', { accepted: true, lateness_ms: 0, committed_at: '2026-11-24T18:00:00.042Z' }),
    entry('3', 'post.committing'),
    entry('2', 'post.staging', { attempt: 2 }),
    entry('1', 'post.scheduled'),
    entry('0', 'post.created', { status: 'queued' }),
  ])
  expect(told.map((l) => l.words)).toEqual([
    'Scheduled', 'Uploading to TikTok, attempt 2', 'Sent. TikTok has all of it', 'Posted: TikTok confirmed it',
  ])
  expect(told[2]).toMatchObject({ at: '2026-11-24T18:00:00.042Z', exact: true, detail: 'On the second' })
})

test('photos are fetched, not uploaded', () => {
  expect(story([entry('2', 'post.sent', { accepted: true }), entry('1', 'post.staged'), entry('0', 'post.staging')], true).map((l) => l.words)).toEqual([
    'Getting the photos ready for TikTok', 'Ready; TikTok may fetch the photos when it is time', 'Told TikTok to fetch the photos',
  ])
})

test('what is left out at the last moment is named', () => {
  expect(story([entry('1', 'post.adjusted', { codes: ['duets_off', 'brand_new', 'stitches_off'] })])).toMatchObject([{ detail: 'No duets, No stitches' }])
})

test('kinds of a later version are left out, not shown as codes', () => {
  expect(story([entry('1', 'post.beamed')])).toEqual([])
})

test('an attempt that ended says why in a sentence, never with a code', () => {
  const died = { ...entry('1', 'attempt.died', { code: 'spam_risk' }), attempt_id: 'a' } as Entry
  expect(story([died], false, new Map([['a', 'TikTok judged this post to be risky.']]))).toMatchObject([{ detail: 'TikTok judged this post to be risky.' }])
  expect(JSON.stringify(story([died]))).not.toContain('spam_risk')
})

test('what TikTok answered when it was told to stop stands under what was asked', () => {
  expect(story([entry('1', 'post.stopping', { message: 'TikTok can no longer stop this post.' })])).toMatchObject([{ words: 'TikTok was asked to stop it', detail: 'TikTok can no longer stop this post.' }])
})
