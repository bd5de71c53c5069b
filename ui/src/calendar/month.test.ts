import { describe, expect, test } from 'vitest'
import { addDays, addMonths, eveningOf, weeksOf } from './month.ts'

describe('weeksOf', () => {
  test('shows whole weeks around a month, from Monday', () => {
    const weeks = weeksOf('2026-11-15', 1)
    expect(weeks[0]?.[0]).toBe('2026-10-26')
    expect(weeks.at(-1)?.[6]).toBe('2026-12-06')
    expect(weeks).toHaveLength(6)
  })
  test('shows whole weeks from Sunday', () => {
    const weeks = weeksOf('2026-11-15', 7)
    expect(weeks[0]?.[0]).toBe('2026-11-01')
    expect(weeks).toHaveLength(5)
  })
  test('a month of four weeks has four rows', () => expect(weeksOf('2021-02-01', 1)).toHaveLength(4))
})

test('days and months roll over', () => {
  expect(addDays('2026-02-28', 1)).toBe('2026-03-01')
  expect(addDays('2028-02-28', 1)).toBe('2028-02-29')
  expect(addMonths('2026-12-31', 1)).toBe('2027-01-01')
  expect(addMonths('2026-01-31', -1)).toBe('2025-12-01')
})

test('a day without a time is offered in the evening, and today not in the past', () => {
  expect(eveningOf('2026-11-26', 'UTC', new Date('2026-11-24T10:00:00Z'))).toBe('2026-11-26T18:00')
  expect(eveningOf('2026-11-24', 'UTC', new Date('2026-11-24T20:30:00Z'))).toBe('2026-11-24T21:30')
})
