import { expect, it } from 'vitest'
import type { Attempt, Cause, Post } from '../api/client.ts'
import { report } from './report.ts'

const cause: Cause = { code: 'spam_risk_text', held: false, message: 'TikTok took the caption for spam.', remedy: 'edit', posts: 2, latest_at: '2026-11-24T18:00:03Z', account_ids: ['acc_1'] }
const post = {
  id: 'post_1', account_id: 'acc_1', status: 'failed', version: 3, caption: 'Meet me at Rosa’s, 12 Quay Street', due_at: '2026-11-24T18:00:00Z', deadline_at: '2026-11-24T19:00:00Z',
  failure: { code: 'spam_risk_text', message: 'TikTok took the caption for spam.', log_id: '20261124AB' }, permalink: 'https://www.tiktok.com/@mara/video/1',
} as Post
const attempt = {
  id: 'att_1', number: 1, state: 'dead', death: 'D5', size: 800, sent: 800, polls: 2, planned_at: '2026-11-24T17:58:00Z', ended_at: '2026-11-24T18:00:03Z', publish_id: 'v_pub~1',
  evidence: { upload_url: 'https://secret' }, failure: { code: 'spam_risk_text', message: 'x' },
} as unknown as Attempt

it('tells codes, times and tries', () => {
  const text = report(cause, [{ post, attempts: [attempt] }], 'index-1.js', new Date('2026-11-25T08:00:00Z'))
  expect(text.split('\n')).toEqual([
    'ShipPost report, 2026-11-25T08:00:00.000Z', 'App: index-1.js', 'Cause: spam_risk_text', 'Says: TikTok took the caption for spam.', 'Helps: edit',
    'Posts: 2, the latest 1 below', 'Latest: 2026-11-24T18:00:03Z', '',
    'post_1: failed, account acc_1, version 3, due 2026-11-24T18:00:00Z, until 2026-11-24T19:00:00Z, code spam_risk_text, log 20261124AB',
    '  attempt 1 att_1: dead by D5, code spam_risk_text, 800 of 800 bytes, planned 2026-11-24T17:58:00Z, ended 2026-11-24T18:00:03Z, asked 2 times, publish id v_pub~1',
  ])
})

it('keeps what a post says, whose it is and what works as a key to itself', () => {
  const text = report({ ...cause, posts: 1 }, [{ post, attempts: [attempt] }], '', new Date(0))
  for (const word of ['Rosa', 'Quay', '@mara', 'secret', 'tiktok.com']) expect(text).not.toContain(word)
  expect(text).toContain('Posts: 1\n')
})

it('says that nothing was tried', () => {
  const waits = { ...post, failure: undefined }
  const text = report({ ...cause, held: true, remedy: undefined }, [{ post: { ...waits, status: 'queued', hold: { code: 'quota', message: '', since: 'then' } }, attempts: [] }], '', new Date(0))
  expect(text).toContain('Cause: spam_risk_text (held)')
  expect(text).toContain('held with quota since then')
  expect(text).toContain('no attempt')
})
