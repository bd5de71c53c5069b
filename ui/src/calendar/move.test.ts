import { expect, test } from 'vitest'
import type { Post } from '../api/client.ts'
import { instantOf } from '../compose/when.ts'
import { shapeOf } from './hours.ts'
import { inHour, minutesBetween, minutesTo, shifted } from './move.ts'

const zurich = 'Europe/Zurich'
const due = (local: string, zone = zurich) => ({ due: { local, zone }, due_at: instantOf({ local, zone }).toISOString() }) as Post
const odd = due('2026-11-24T12:34:56')

test('another day keeps the time of day, to the second', () => {
  expect(shifted(odd, minutesTo(odd, '2026-11-27', zurich))).toEqual({ local: '2026-11-27T12:34:56', zone: zurich })
  // Clocks go forward in between: it is still the same time of day.
  expect(shifted(due('2026-03-28T23:59:59'), 1440)).toEqual({ local: '2026-03-29T23:59:59', zone: zurich })
})

test('another hour keeps the minute and the second', () => {
  expect(inHour(odd, shapeOf('2026-11-25', zurich), { hour: 18, again: false })).toEqual({ local: '2026-11-25T18:34:56', zone: zurich })
  expect(minutesBetween(odd, inHour(odd, shapeOf('2026-11-24', zurich), { hour: 12, again: false }))).toBe(0)
})

test('a calendar in another zone leaves the post its own', () => {
  // Half past in Kathmandu is a quarter to in Zurich.
  expect(inHour(odd, shapeOf('2026-11-25', 'Asia/Kathmandu'), { hour: 18, again: false })).toEqual({ local: '2026-11-25T13:34:56', zone: zurich })
  expect(inHour(odd, shapeOf('2026-10-25', 'UTC'), { hour: 23, again: false }).local).toBe('2026-10-26T00:34:56')
})

test('a doubled hour says which of the two is meant', () => {
  const day = shapeOf('2026-10-25', zurich)
  expect(inHour(odd, day, { hour: 2, again: false })).toEqual({ local: '2026-10-25T02:34:56', zone: zurich, fold: 'earlier' })
  expect(inHour(odd, day, { hour: 2, again: true })).toEqual({ local: '2026-10-25T02:34:56', zone: zurich, fold: 'later' })
})

test('what was given as an instant keeps its second, too', () => {
  const post = { due_at: '2026-11-24T11:34:56.789Z' } as Post
  expect(shifted(post, 1440).local.slice(14)).toBe('34:56')
})

test('others go the way of the one that was put on the place of a queue', () => {
  const there = { local: '2026-11-24T18:00:00', zone: zurich }
  const step = minutesBetween(odd, there)
  expect(shifted(odd, step).local).toBe(there.local)
  expect(shifted(due('2026-11-25T12:34:56'), step).local).toBe('2026-11-25T18:00:00')
})
