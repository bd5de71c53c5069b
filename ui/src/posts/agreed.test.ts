import { expect, test } from 'vitest'
import type { Media } from '../api/client.ts'
import { agreed, agreedFiles } from './agreed.ts'

const none = { ai_generated: false, auto_music: false, consent: true, cover_ms: 0, photo_cover_index: 0 }

test.each<[string, Parameters<typeof agreed>[0], Parameters<typeof agreed>[1], [string, string][]]>([
  ['nothing asked', undefined, undefined, []],
  ['a draft', { ...none, to_inbox: true, privacy_level: 'SELF_ONLY' }, 'video', [['How it goes out', 'As a draft to the TikTok inbox']]],
  [
    'both brands', { ...none, privacy_level: 'PUBLIC_TO_EVERYONE', allow_comment: true, allow_duet: true, your_brand: true, branded_content: true, ai_generated: true, cover_ms: 2900 }, 'video',
    [['Who can see it', 'Everyone'], ['Others may', 'Comment, Duet'], ['Disclosure', 'Your brand and Branded content, labeled “Paid partnership”'], ['Label', 'AI-generated'], ['Cover', 'The frame at 0:02.9']],
  ],
  ['photos', { ...none, privacy_level: 'SELF_ONLY', allow_duet: true, auto_music: true, title: 'Low tide', photo_cover_index: 1 }, 'photo',
    [['Title', 'Low tide'], ['Who can see it', 'Only you'], ['Others may', 'Only watch'], ['Disclosure', 'None'], ['Music', 'Chosen by TikTok'], ['Cover', 'Photo 2']]],
  ['photos for the inbox', { ...none, to_inbox: true, title: 'Low tide' }, 'photo', [['How it goes out', 'As a draft to the TikTok inbox'], ['Title', 'Low tide'], ['Cover', 'Photo 1']]],
  ['a frame on the second', { ...none, privacy_level: 'SELF_ONLY', cover_ms: 62_000 }, 'video', [['Who can see it', 'Only you'], ['Others may', 'Only watch'], ['Disclosure', 'None'], ['Cover', 'The frame at 1:02']]],
  ['a video whose cover nobody chose', { ...none, privacy_level: 'SELF_ONLY' }, 'video', [['Who can see it', 'Only you'], ['Others may', 'Only watch'], ['Disclosure', 'None'], ['Cover', 'The first frame']]],
])('%s', (_, options, kind, want) => expect(agreed(options, kind)).toEqual(want))

test('files are told in their order, with the cover and what was done to them before', () => {
  const turned = { sha256: 'b', file_name: 'dunes.jpg', facts: { width: 1080, height: 1440 }, removed: ['location'], problems: [{ message: 'The photo was turned upright by 90° and saved anew as JPEG, without hidden data.' }] } as Media
  expect(agreedFiles(['a', 'b'], { ...none, photo_cover_index: 1 }, [turned])).toEqual([
    { sha256: 'a', name: '', about: ['Photo 1'] },
    { sha256: 'b', name: 'dunes.jpg', about: ['Photo 2, the cover · 1080 × 1440', 'The photo was turned upright by 90° and saved anew as JPEG, without hidden data.', 'Taken out: location.'] },
  ])
  expect(agreedFiles(['c'], none, [])).toEqual([{ sha256: 'c', name: '', about: [] }])
})
