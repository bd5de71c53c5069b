import { expect, it } from 'vitest'
import { readTime } from './intime.ts'

const now = new Date('2026-11-24T22:30:00Z') // a Tuesday; already Wednesday in Tokyo

it.each([
  ['tomorrow at 9am', 'Europe/Zurich', '2026-11-25', '09:00'],
  ['tomorrow at 9am', 'Asia/Tokyo', '2026-11-26', '09:00'],
  ['in 3 hours', 'Europe/Zurich', '2026-11-25', '02:30'],
  ['friday 18:30', 'Europe/Zurich', '2026-11-27', '18:30'],
  ['tomorrow', 'America/New_York', '2026-11-25', '09:00'],
  ['24 December at noon', 'Europe/Zurich', '2026-12-24', '12:00'],
])('%s in %s', (words, zone, date, time) => {
  expect(readTime(words, zone, now)).toEqual({ mode: 'at', date, time, zone })
})

it.each([
  ['in 1 minute', '2026-11-24T22:30:53Z', 'UTC', '2026-11-24', '22:32'],
  ['in 2 minutes', '2026-11-24T22:30:00Z', 'UTC', '2026-11-24', '22:32'],
  ['half an hour from now', '2026-11-24T23:30:01Z', 'UTC', '2026-11-25', '00:01'],
  ['in 3 hours', '2027-03-28T00:30:00Z', 'Europe/Zurich', '2027-03-28', '05:30'], // clocks are put forward in between
])('%s is never sooner than that: at %s in %s', (words, at, zone, date, time) => {
  expect(readTime(words, zone, new Date(at))).toEqual({ mode: 'at', date, time, zone })
})

it('does not guess', () => expect(readTime('whenever', 'UTC', now)).toBeUndefined())
