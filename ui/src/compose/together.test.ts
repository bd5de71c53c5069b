import { expect, test } from 'vitest'
import { together, usable } from './together.ts'

const photo = (n: number) => ({ name: `p${n}.jpg`, type: 'image/jpeg' })
const video = { name: 'v.mp4', type: 'video/mp4' }
const photos = (n: number) => Array.from({ length: n }, (_, i) => photo(i))

test.each([
  ['photos alone', photos(3), undefined, 3, 0, ''],
  ['a video alone', [video], undefined, 1, 0, ''],
  ['the first decides', [photo(1), video], undefined, 1, 1, 'A TikTok post has one video or photos, never both: v.mp4 was left out.'],
  ['a video first', [video, photo(1), photo(2)], undefined, 1, 2, 'A TikTok post has one video or photos, never both: 2 photos were left out.'],
  ['a video to photos', [video], { kind: 'photo' as const, count: 2 }, 0, 1, 'A TikTok post has one video or photos, never both: v.mp4 was left out.'],
  ['the 36th', photos(36), undefined, 35, 0, 'A TikTok post has at most 35 photos: p35.jpg was left out.'],
  ['more to many', photos(3), { kind: 'photo' as const, count: 34 }, 1, 0, 'A TikTok post has at most 35 photos: 2 photos were left out.'],
  ['two videos', [video, { ...video, name: 'w.mp4' }], undefined, 1, 0, 'A TikTok post has one video: w.mp4 was left out.'],
  ['another video', [video], { kind: 'video' as const, count: 1 }, 1, 0, ''],
])('%s', (_, files, present, take, instead, words) => {
  const got = together(files, present, 35)
  expect([got.take.length, got.instead.length, got.words]).toEqual([take, instead, words])
})

test('all photos while the most of them are not known', () => expect(together(photos(36), undefined)).toEqual({ take: photos(36), instead: [], words: '' }))

test('what cannot be a video or photo is left out and named', () => {
  const [text, empty] = [{ name: 'notes.txt', type: 'text/plain', size: 9 }, { name: 'none.mp4', type: 'video/mp4', size: 0 }]
  const good = { ...photo(1), size: 9 }
  expect(usable([text, good])).toEqual({ files: [good], words: ['notes.txt was left out: it is no video or photo that TikTok takes.'] })
  expect(usable([empty, text, text])).toEqual({ files: [], words: ['An empty file was left out.', '2 files were left out: they are no videos or photos that TikTok takes.'] })
  expect(usable([empty, empty]).words).toEqual(['2 empty files were left out.'])
})
