import { expect, test } from 'vitest'
import { daysOf, turned, weekOf } from './period.ts'

test('a week begins where weeks begin', () => {
  expect(weekOf('2026-11-26', 1)).toBe('2026-11-23')
  expect(weekOf('2026-11-26', 7)).toBe('2026-11-22')
  expect(weekOf('2026-11-22', 7)).toBe('2026-11-22')
})

test('a view shows its days', () => {
  expect(daysOf('day', '2026-11-26', 1)).toEqual(['2026-11-26'])
  expect(daysOf('week', '2026-11-26', 1)).toHaveLength(7)
  expect(daysOf('month', '2026-11-26', 1)).toHaveLength(42)
  const list = daysOf('list', '2026-11-26', 1)
  expect([list[0], list.at(-1), list.length]).toEqual(['2026-11-01', '2026-11-30', 30])
})

test('pages turn by what is shown', () => {
  expect(turned('day', '2026-12-31', 1)).toBe('2027-01-01')
  expect(turned('week', '2026-11-26', -1)).toBe('2026-11-19')
  expect(turned('month', '2026-11-26', 1)).toBe('2026-12-01')
})
