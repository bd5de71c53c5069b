import { expect, test } from 'vitest'
import { hashtagsOf, inserted } from './insert.ts'

test('a text goes in at the caret, apart from the words around it', () => {
  expect(inserted('', '#sea', 0, 0)).toEqual({ value: '#sea', caret: 4 })
  expect(inserted('Low tide', '#sea', 8, 8)).toEqual({ value: 'Low tide #sea', caret: 13 })
  expect(inserted('Low tide', '#sea', 3, 4)).toEqual({ value: 'Low #sea tide', caret: 9 })
  expect(inserted('a b', '#x', 1, 1).value).toBe('a #x b')
  expect(inserted('مد #بحر', '#جزر', 0, 0).value).toBe('#جزر مد #بحر')
})

test('the hashtags of a caption, each once', () => {
  expect(hashtagsOf('#sea low #tide, and #sea again #بحر')).toBe('#sea #tide #بحر')
  expect(hashtagsOf('none')).toBe('')
})
