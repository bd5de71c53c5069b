import { expect, test } from 'vitest'
import type { Schemas } from '../api/client.ts'
import { changesOf } from './versions.ts'

const version = (more: Partial<Schemas['PostVersion']> = {}): Schemas['PostVersion'] => ({
  version: 1, at: '2026-05-01T12:00:00Z', status: 'draft', media_ids: ['med_1'], media: [], caption: 'Low tide', options: {}, ...more,
})

test('says what a change changed', () => {
  expect(changesOf(version(), undefined)).toEqual(['Written'])
  expect(changesOf(version({ caption: 'High tide' }), version())).toEqual(['Caption'])
  expect(changesOf(version({ status: 'queued', due: { local: '2026-05-02T09:00:00', zone: 'UTC' } }), version())).toEqual(['Scheduled', 'Time'])
  expect(changesOf(version({ media_ids: ['med_2', 'med_1'] }), version())).toEqual(['Files'])
  expect(changesOf(version({ options: { tiktok: { privacy_level: 'SELF_ONLY', ai_generated: false, cover_ms: 0, photo_cover_index: 0, auto_music: false, consent: false } } }), version())).toEqual(['Who can see it: Only you'])
  // An answer that was left open and one that says no are the same on the screen.
  expect(changesOf(version({ options: { tiktok: { allow_comment: false, ai_generated: false, cover_ms: 0, photo_cover_index: 0, auto_music: false, consent: false } } }), version())).toEqual(['Saved'])
})
