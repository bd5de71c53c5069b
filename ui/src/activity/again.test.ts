import { expect, it } from 'vitest'
import type { Post } from '../api/client.ts'
import { instantOf } from '../compose/when.ts'
import { daysUntilAhead, planned, retimable } from './again.ts'

const zone = 'Europe/Zurich'
const post = (id: string, local: string, account_id = 'a') => ({ id, account_id, due: { local, zone }, due_at: instantOf({ local, zone }).toISOString() }) as Post
const posts = [post('2', '2026-11-25T18:00:30'), post('1', '2026-11-24T09:00:00'), post('3', '2026-11-26T12:00:00', 'b')]
const now = new Date('2026-11-27T10:00:00Z')
const times = (list: ReturnType<typeof planned>) => list.map((a) => `${a.post.id} ${a.due?.local ?? 'none'}`)

it('fills the free places of each account, in the order in which posts were to go out', () => {
  const slot = (account_id: string, local: string) => ({ account_id, due: { local, zone, at: '', offset: '' } })
  const free = [slot('b', '2026-11-28T08:00:00'), slot('a', '2026-11-28T18:00:00')]
  expect(times(planned(posts, { by: 'slots' }, free, now))).toEqual(['1 2026-11-28T18:00:00', '2 none', '3 2026-11-28T08:00:00'])
  expect(planned(posts, { by: 'slots' }, free, now)[0]?.due).toEqual({ local: '2026-11-28T18:00:00', zone })
})

it('sets them so far apart', () => {
  const first = { local: '2026-11-28T23:30:00', zone }
  expect(times(planned(posts, { by: 'apart', first, minutes: 60 }, [], now))).toEqual(['1 2026-11-28T23:30:00', '2 2026-11-29T00:30:00', '3 2026-11-29T01:30:00'])
})

it('keeps each time of day, some days later, and gives no time that has passed', () => {
  expect(daysUntilAhead(posts, now)).toBe(4)
  expect(times(planned(posts, { by: 'days', days: 4 }, [], now))).toEqual(['1 2026-11-28T09:00:00', '2 2026-11-29T18:00:30', '3 2026-11-30T12:00:00'])
  expect(times(planned(posts, { by: 'days', days: 1 }, [], now))).toEqual(['1 none', '2 none', '3 2026-11-27T12:00:00'])
})

it('leaves posts alone that may be out', () => {
  expect((['failed', 'missed', 'queued', 'unconfirmed', 'posted'] as const).filter((status) => retimable({ status } as Post))).toEqual(['failed', 'missed', 'queued'])
})
