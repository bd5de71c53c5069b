import { describe, expect, it, test } from 'vitest'
import { rules } from '../gallery/samples.ts'
import { most, ruleAbout, tooLong, videoWords } from './limits.ts'

describe('the limits of an account', () => {
  it('are those the server tells, for the kind of the post', () => {
    expect(most(rules, 'video', 'caption')).toBe(2200)
    expect(most(rules, 'photo', 'caption')).toBe(4000)
    expect(most(rules, 'photo', 'count')).toBe(35)
    expect(most(rules.map((r) => ({ ...r, max: 7 })), 'photo', 'title')).toBe(7)
  })

  it('hold for any kind where none is named', () => expect(most([{ ...rules[0]!, kind: undefined, about: 'caption', max: 9 }], 'photo', 'caption')).toBe(9))

  it('are not made of what only warns', () => {
    const short = { ...rules[0]!, about: 'duration', severity: 'warn', min: 3000, max: 9 }
    expect(ruleAbout([short], 'video', 'duration')).toBeUndefined()
  })

  it('are unknown until the server told, and nothing is refused meanwhile', () => {
    expect(most(undefined, 'video', 'caption')).toBeUndefined()
    expect(tooLong('caption', 100_000, undefined)).toBeUndefined()
    expect(videoWords(undefined)).toBe('9:16 fits best.')
  })
})

test('a text that is too long says by how much', () => {
  expect(tooLong('title', 90, 90)).toBeUndefined()
  expect(tooLong('title', 91, 90)).toBe('The title has 91 characters; TikTok takes 90. Most emoji count as two.')
})

test('what a video may be, in words', () => {
  expect(videoWords(rules)).toBe('MP4, MOV or WebM up to 4 GB; 9:16 fits best.')
  expect(videoWords(rules.filter((r) => r.about !== 'container'))).toBe('up to 4 GB; 9:16 fits best.')
  expect(videoWords([{ ...rules[0]!, kind: 'video', about: 'container', one_of: ['mp4', 'mkv'] }])).toBe('MP4 or MKV; 9:16 fits best.')
})
