import { expect, it } from 'vitest'
import { fromNow } from './time.ts'

it.each([
  ['2026-11-27T18:00:00', 'tomorrow'],
  ['2026-11-28T01:00:00', 'in 2 days'],
  ['2026-11-26T18:00:00', 'in 16 hours'],
  ['2026-11-24T23:00:00', '2 days ago'],
])('%s is %s', (at, words) => expect(fromNow(new Date(at), new Date('2026-11-26T02:00:00'))).toBe(words))
