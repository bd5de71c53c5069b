import { expect, it } from 'vitest'
import { stretches, unread } from './caption.ts'

it.each([
  ['', []],
  ['Tide pools', ['words:Tide pools']],
  ['#nature', ['tag:#nature']],
  ['Dawn #nature\n@mara.moves now', ['words:Dawn ', 'tag:#nature', 'words:\n', 'mention:@mara.moves', 'words: now']],
  ['#a#b', ['words:#a#b']],
  ['#sunset, then', ['words:#sunset, then']],
  ['mail me@example.com', ['words:mail me@example.com']],
  ['#größe #日本 #été2', ['tag:#größe', 'words: ', 'tag:#日本', 'words: ', 'tag:#été2']],
  ['# alone @', ['words:# alone @']],
])('reads %j', (caption, want) => {
  const got = stretches(caption)
  expect(got.map((s) => `${s.kind}:${s.text}`)).toEqual(want)
  expect(got.map((s) => s.text).join('')).toBe(caption)
})

it('tells of hashtags that lack a space', () => {
  expect(unread('so#nice')).toBe('#nice')
  expect(unread('#a#b')).toBe('#a')
  expect(unread('#sunset, then')).toBe('#sunset')
  expect(unread('mail me@example.com')).toBeUndefined()
  expect(unread('#fine #too')).toBeUndefined()
})
