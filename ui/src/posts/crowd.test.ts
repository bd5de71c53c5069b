import { describe, expect, it } from 'vitest'
import type { Problem } from '../api/client.ts'
import { crowdOf } from './crowd.ts'

const problem = (change: Partial<Problem>): Problem => ({ code: 'day_full', message: 'Full.', severity: 'warn', field: 'due_at', ...change })

describe('crowdOf', () => {
  it('finds the nearest free time in the zone of the post', () => {
    const choices = [{ at: '2026-12-02T09:00:00Z', local: '2026-12-02T10:00:00' }]
    expect(crowdOf([problem({ field: 'caption' }), problem({ choices })], 'Europe/Zurich')).toEqual({ message: 'Full.', free: { local: '2026-12-02T10:00:00', zone: 'Europe/Zurich' } })
  })
  it('says so where there is no room at all', () => {
    expect(crowdOf([problem({})], 'UTC')).toEqual({ message: 'Full.' })
  })
  it('offers a time for a draft that finds no room', () => {
    const choices = [{ at: '2026-12-02T09:00:00Z', local: '2026-12-02T09:00:00' }]
    expect(crowdOf([problem({ code: 'too_many_drafts', severity: 'block', choices })], 'UTC')?.free).toEqual({ local: '2026-12-02T09:00:00', zone: 'UTC' })
  })
  it('keeps quiet about other things', () => {
    expect(crowdOf([problem({ severity: 'block' }), problem({ field: 'options.tiktok.privacy_level' })], 'UTC')).toBeUndefined()
  })
})
