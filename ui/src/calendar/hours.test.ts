import { describe, expect, test } from 'vitest'
import { dayStart, hourKey, isOver, lengthOf, roomFor, rowOf, rowsOf, shapeOf, shows, wallClock } from './hours.ts'

const zurich = 'Europe/Zurich'

test('a day begins as the server says', () => {
  for (const [zone, date, want] of [
    ['UTC', '2026-11-24', '2026-11-24T00:00:00.000Z'],
    [zurich, '2026-03-29', '2026-03-28T23:00:00.000Z'],
    [zurich, '2026-03-30', '2026-03-29T22:00:00.000Z'],
    [zurich, '2026-10-26', '2026-10-25T23:00:00.000Z'],
    ['Africa/Cairo', '2026-04-24', '2026-04-23T22:00:00.000Z'],
    ['America/Havana', '2026-11-01', '2026-11-01T04:00:00.000Z'],
    ['Australia/Lord_Howe', '2026-10-05', '2026-10-04T13:00:00.000Z'],
    ['Pacific/Apia', '2011-12-30', '2011-12-30T10:00:00.000Z'],
  ] as const) {
    expect(`${zone} ${date} ${dayStart(date, zone).toISOString()}`).toBe(`${zone} ${date} ${want}`)
  }
})

describe('a day of 23 hours', () => {
  const day = shapeOf('2026-03-29', zurich)
  test('is an hour shorter and says when clocks change', () => {
    expect(lengthOf(day)).toBe(23)
    expect(day.change).toEqual({ at: new Date('2026-03-29T01:00:00Z'), from: 120, to: 180 })
  })
  test('has no two o’clock', () => {
    const missing = rowsOf([day]).filter((row) => !shows(day, row))
    expect(missing.map(hourKey)).toEqual(['2'])
    expect(wallClock(day, { hour: 2, again: false }, 30).local).toBe('2026-03-29T03:00:00')
  })
})

describe('a day of 25 hours', () => {
  const day = shapeOf('2026-10-25', zurich)
  const plain = shapeOf('2026-10-24', zurich)
  test('has two o’clock twice', () => {
    expect(lengthOf(day)).toBe(25)
    const rows = rowsOf([plain, day])
    expect(rows.map(hourKey).slice(0, 5)).toEqual(['0', '1', '2', '2*', '3'])
    expect(rows.filter((row) => shows(day, row))).toHaveLength(25)
    expect(rows.filter((row) => shows(plain, row))).toHaveLength(24)
  })
  test('keeps the two apart', () => {
    expect(hourKey(rowOf(day, new Date('2026-10-25T00:30:00Z')))).toBe('2')
    expect(hourKey(rowOf(day, new Date('2026-10-25T01:30:00Z')))).toBe('2*')
    expect(hourKey(rowOf(day, new Date('2026-10-25T02:30:00Z')))).toBe('3')
    expect(wallClock(day, { hour: 2, again: true }, 30)).toEqual({ local: '2026-10-25T02:30:00', zone: zurich, fold: 'later' })
    expect(wallClock(day, { hour: 2, again: false })).toEqual({ local: '2026-10-25T02:00:00', zone: zurich, fold: 'earlier' })
    expect(wallClock(day, { hour: 3, again: false }).fold).toBeUndefined()
  })
})

test('a change of half an hour leaves each hour at least a half', () => {
  const forward = shapeOf('2026-10-04', 'Australia/Lord_Howe')
  expect(lengthOf(forward)).toBe(23.5)
  expect(rowsOf([forward]).every((row) => shows(forward, row))).toBe(true)
  const back = shapeOf('2026-04-05', 'Australia/Lord_Howe')
  expect(lengthOf(back)).toBe(24.5)
  expect(rowsOf([back]).map(hourKey).slice(0, 4)).toEqual(['0', '1', '1*', '2'])
})

test('most days are plain', () => {
  const day = shapeOf('2026-11-24', zurich)
  expect(day.change).toBeUndefined()
  expect(rowsOf([day])).toHaveLength(24)
})

test('an hour is over when the next one began, even where it comes twice', () => {
  const hour = (hour: number, again = false) => ({ hour, again })
  expect(isOver('2026-10-24', hour(23), '2026-10-25', hour(2))).toBe(true)
  expect(isOver('2026-10-26', hour(0), '2026-10-25', hour(2))).toBe(false)
  expect(isOver('2026-10-25', hour(2), '2026-10-25', hour(2))).toBe(false)
  expect(isOver('2026-10-25', hour(2), '2026-10-25', hour(2, true))).toBe(true)
  expect(isOver('2026-10-25', hour(2, true), '2026-10-25', hour(2, true))).toBe(false)
  expect(isOver('2026-10-25', hour(1), '2026-10-25', hour(2))).toBe(true)
})

test('an hour is as high as its fullest column', () => {
  const of = (posts: number, more = false) => ({ posts, more })
  expect(roomFor([of(0), of(0)])).toBe(32)
  expect(roomFor([of(1), of(3), of(2)])).toBe(roomFor([of(3)]))
  expect(roomFor([of(3)]) - roomFor([of(2)])).toBe(roomFor([of(2)]) - roomFor([of(1)]))
  expect(roomFor([of(3, true), of(3)])).toBeGreaterThan(roomFor([of(3)]))
  expect(roomFor([of(3), of(1, true)])).toBe(roomFor([of(3)])) // a line for more is lower than two posts
  expect(roomFor([of(2), of(7)], 3)).toBe(roomFor([of(3)]))
})
