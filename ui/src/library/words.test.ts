import { expect, it } from 'vitest'
import { stayReason, stayWords, useWords } from './words.ts'

it('says for every rule how long a file stays, and why', () => {
  for (const why of ['always', 'unposted', 'needed', 'posted'] as const) {
    const m = { stay: { why, until: '2026-12-26T12:00:00Z' } }
    expect(stayWords(m)).toMatch(/^Kept/)
    expect(stayReason(m)).toMatch(/\.$/)
  }
  expect(stayWords({ stay: { why: 'posted', until: '2026-12-26T12:00:00Z' } })).toMatch(/26.*Dec|Dec.*26/)
  expect(stayWords({})).toBe('')
})

it('counts posts in words', () => {
  expect([0, 1, 2].map((posts) => useWords({ use: { posts, waiting: 0, posted: 0 } }))).toEqual(['Not used', 'In 1 post', 'In 2 posts'])
})
