import { describe, expect, it } from 'vitest'
import { timeOfDay } from '../words/time.ts'
import { dueOf, instantOf, suggestions, unsaid, whenAt, whenOf } from './when.ts'

describe('instantOf', () => {
  it.each([
    ['2026-11-24T18:00:00', 'Europe/Zurich', undefined, '2026-11-24T17:00:00.000Z'],
    ['2026-07-01T09:30:00', 'America/New_York', undefined, '2026-07-01T13:30:00.000Z'],
    ['2026-10-25T02:30:00', 'Europe/Zurich', 'earlier', '2026-10-25T00:30:00.000Z'],
    ['2026-10-25T02:30:00', 'Europe/Zurich', 'later', '2026-10-25T01:30:00.000Z'],
    ['2026-10-25T02:30:00', 'Europe/Zurich', undefined, '2026-10-25T00:30:00.000Z'],
    ['2026-11-24T18:00:00', 'Asia/Kathmandu', undefined, '2026-11-24T12:15:00.000Z'],
    ['2026-01-01T00:10:00', 'Pacific/Kiritimati', undefined, '2025-12-31T10:10:00.000Z'],
  ] as const)('%s %s %s', (local, zone, fold, want) => {
    expect(instantOf({ local, zone, ...(fold ? { fold } : {}) }).toISOString()).toBe(want)
  })
})

it('goes to a due time and back', () => {
  const due = { local: '2026-10-25T02:30:00', zone: 'Europe/Zurich', fold: 'later' as const }
  expect(dueOf(whenOf(due))).toEqual(due)
  expect(whenOf({ local: '2026-10-25T02:30:15', zone: 'UTC' }).time).toBe('02:30:15')
  expect(dueOf(unsaid())).toBeUndefined()
  expect(dueOf({ ...unsaid(), date: '2026-11-24' })).toBeUndefined()
  expect(dueOf({ ...unsaid(), mode: 'now', date: '2026-11-24', time: '10:00' })).toBeUndefined()
})

it('sees an instant in a zone', () => {
  expect(whenAt(new Date('2026-11-24T23:30:00Z'), 'Europe/Zurich')).toMatchObject({ date: '2026-11-25', time: '00:30' })
})

it('suggests only what is still to come', () => {
  const at = (iso: string) => suggestions(new Date(iso), 'Europe/Zurich').map((s) => s.words)
  expect(at('2026-11-24T08:00:00Z')).toEqual(['In an hour', `Today, ${timeOfDay('18:00')}`, `Tomorrow, ${timeOfDay('09:00')}`])
  expect(at('2026-11-24T16:55:00Z')).toEqual(['In an hour', `Tomorrow, ${timeOfDay('09:00')}`, `Tomorrow, ${timeOfDay('18:00')}`])
})
