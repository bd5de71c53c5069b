import { render } from 'svelte/server'
import { expect, test } from 'vitest'
import Caption from './Caption.svelte'
import Headline from './Headline.svelte'

/** What stands on the screen, without the signs between elements. */
function shown(props: { value: string; limit?: number; unsent?: boolean; error?: string }, of: typeof Caption | typeof Headline = Caption) {
  const html = render(of as typeof Caption, { props }).body.replaceAll(/<!--.*?-->/g, '')
  const marked = (kind: string) => [...html.matchAll(new RegExp(`<span class="${kind}[^"]*">([^<]*)</span>`, 'g'))].map((m) => m[1])
  return { tags: marked('tag'), mentions: marked('mention'), invalid: html.includes('aria-invalid="true"'), text: html.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ') }
}

const breaks = 'TikTok ignores line breaks: these lines will run together.'

test('hashtags and mentions are marked where TikTok reads them, and what it does not read is said', () => {
  const got = shown({ value: 'Dawn #nature @mara.moves so#glued mail me@example.com', limit: 2200 })
  expect(got).toMatchObject({ tags: ['#nature'], mentions: ['@mara.moves'], invalid: false })
  expect(got.text).toContain('TikTok will not read “#glued” as a hashtag: it needs a space before and after.')
  expect(shown({ value: 'Dawn #nature' }).text).not.toContain('will not read')
})

test.each([['one\ntwo', true], ['one', false], ['one\n', false]])('line breaks in %j are warned of: %s', (value, warned) => {
  expect(shown({ value }).text.includes(breaks)).toBe(warned)
})

test('2,201 units with emoji are one too many, by the limit of the account', () => {
  const full = '🌊'.repeat(1100)
  expect(shown({ value: full, limit: 2200 })).toMatchObject({ invalid: false, text: expect.stringContaining('2200 / 2200') as string })
  const over = shown({ value: `${full}!`, limit: 2200 })
  expect(over.invalid).toBe(true)
  expect(over.text).toContain('2201 / 2200')
  expect(over.text).toContain('The caption has 2201 characters; TikTok takes 2200. Most emoji count as two.')
  expect(shown({ value: `${full}!`, limit: 4000 }).invalid).toBe(false)
})

test('until the limits are known it counts and refuses nothing; what the server refuses is said', () => {
  const got = shown({ value: 'a'.repeat(5000) })
  expect([got.invalid, got.text.includes(' / '), got.text.includes('5000 characters')]).toEqual([false, false, true])
  expect(shown({ value: 'a', error: 'It is too long.' })).toMatchObject({ invalid: true, text: expect.stringContaining('It is too long.') as string })
})

test('a headline has a limit of its own', () => {
  expect(shown({ value: 'a'.repeat(91), limit: 90 }, Headline).text).toContain('The title has 91 characters; TikTok takes 90.')
  expect(shown({ value: 'a'.repeat(90), limit: 90 }, Headline).invalid).toBe(false)
})

test('a video draft takes no caption along, which is said', () => {
  expect(shown({ value: 'a', unsent: true }).text).toContain('TikTok takes no caption along with a video draft.')
})
