import { expect, test } from 'vitest'
import { city, weekdays, weekdayWords } from './week.ts'

test('a week begins where weeks begin', () => {
  expect(weekdays(1)).toEqual([1, 2, 3, 4, 5, 6, 0])
  expect(weekdays(7)).toEqual([0, 1, 2, 3, 4, 5, 6])
})

test('days have the names of their numbers', () => {
  const name = (day: string) => new Intl.DateTimeFormat(undefined, { timeZone: 'UTC', weekday: 'long' }).format(Date.parse(day))
  expect(weekdayWords(0, 'long')).toBe(name('2026-11-22'))
  expect(weekdayWords(6, 'long')).toBe(name('2026-11-28'))
})

test('a zone is called by its place', () => {
  expect(city('America/Argentina/Buenos_Aires')).toBe('Buenos Aires')
  expect(city('UTC')).toBe('UTC')
})
