import { expect, it } from 'vitest'
import type { Problem } from '../api/client.ts'
import { placeOf, problemsAt } from './needs.ts'

it.each([
  ['media_ids', 'compose-media'],
  ['media_ids[3]', 'compose-media'],
  ['caption', 'compose-caption'],
  ['options.tiktok.title', 'compose-title'],
  ['due.local', 'compose-when'],
  ['due_at', 'compose-when'],
  ['late_window', 'compose-when'],
  ['account_id', 'tiktok-account'],
  ['options.tiktok.privacy_level', 'tiktok-privacy'],
  ['options.tiktok.allow_duet', 'tiktok-interactions'],
  ['options.tiktok.branded_content', 'tiktok-disclosure'],
  ['options.tiktok.your_brand', 'tiktok-disclosure'],
  ['options.tiktok.cover_ms', 'tiktok-cover'],
  ['options.tiktok.photo_cover_index', 'compose-media'],
  [undefined, undefined],
])('%s belongs to %s', (field, place) => expect(placeOf(field)).toBe(place))

it('does not repeat what the screen says by itself', () => {
  const problem = (code: string, field: string): Problem => ({ code, field, message: code, severity: 'block' })
  const all = [problem('media_missing', 'media_ids'), problem('picture_too_small', 'media_ids'), problem('caption_too_long', 'caption')]
  expect(problemsAt(all, 'compose-media').map((p) => p.code)).toEqual(['picture_too_small'])
})
