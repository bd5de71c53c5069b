import { expect, it } from 'vitest'
import type { Media, Problem, Schemas } from '../api/client.ts'
import { mediaProblems, placeOf, problemsAt } from './needs.ts'

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

const problem = (code: string, field: string): Problem => ({ code, field, message: code, severity: 'block' })

it('does not repeat what the screen says by itself', () => {
  const all = [problem('media_missing', 'media_ids'), problem('picture_too_small', 'media_ids'), problem('caption_too_long', 'caption')]
  expect(problemsAt(all, 'compose-media').map((p) => p.code)).toEqual(['picture_too_small'])
})

it('says of files what no file says itself, and once', () => {
  const found = ['too_wide', 'too_long', 'odd_mix', 'odd_mix'].map((code, i) => problem(code, `media_ids[${i}]`))
  const twin = { ...problem('duplicate', 'media_ids'), post_id: 'another' } // the twin is shown by itself
  const photo = { kind: 'photo' as const, media: { problems: [problem('too_wide', 'media_ids[0]')] } as Media }
  const fits = [{ fits: false, problems: [problem('too_long', 'media_ids[1]')] } as Schemas['Fit']]
  const codes = (kind: 'photo' | 'video', pieces: (typeof photo)[]) => mediaProblems({ kind, pieces, fits, problems: [...found, twin, problem('caption_too_long', 'caption')] }).map((p) => p.code)
  expect(codes('photo', [photo])).toEqual(['too_long', 'odd_mix'])
  expect(codes('video', [])).toEqual(['too_wide', 'odd_mix'])
})
