import { expect, test } from 'vitest'
import type { Account, Post, SlotTime } from '../api/client.ts'
import { instantOf } from '../compose/when.ts'
import { onDay, onHour, onPlace } from './drop.ts'
import { shapeOf } from './hours.ts'

const zone = 'Europe/Zurich'
const post = (local: string, fold?: 'earlier' | 'later') => ({ id: local, due: { local, zone, ...(fold ? { fold } : {}) }, due_at: instantOf({ local, zone, fold }).toISOString() }) as Post
const held = post('2026-11-24T12:34:56')
const other = post('2026-11-25T09:00:00')
const one = { posts: [held], held }
const both = { posts: [held, other], held }
const now = new Date('2026-11-20T12:00:00Z')
const six = { hour: 18, again: false }
const slot = { account_id: 'mara', due_at: '2026-11-27T17:15:00Z' } as SlotTime
const times = (landing: object) => (landing as { moves: { due: { local: string } }[] }).moves.map((m) => m.due.local)

test('posts on another day keep their time, all going the same way', () => {
  expect(times(onDay(both, '2026-11-26', zone, now))).toEqual(['2026-11-26T12:34:56', '2026-11-27T09:00:00'])
  expect(times(onDay(both, '2026-11-24', zone, now))).toEqual([])
})

test('posts in another hour keep their minute, and others go as far', () => {
  const day = shapeOf('2026-11-24', zone)
  expect(times(onHour(one, day, six))).toEqual(['2026-11-24T18:34:56'])
  expect(times(onHour(both, day, six))).toEqual(['2026-11-24T18:34:56', '2026-11-25T15:00:00'])
  expect(times(onHour(one, day, { hour: 12, again: false }))).toEqual([])
})

test('the second of two equal hours is another one', () => {
  const twice = post('2026-10-25T02:30:00', 'earlier')
  expect(onHour({ posts: [twice], held: twice }, shapeOf('2026-10-25', zone), { hour: 2, again: true })).toMatchObject({ moves: [{ due: { local: '2026-10-25T02:30:00', fold: 'later' } }] })
})

test('a free place of a queue gives its own time', () => {
  const day = shapeOf('2026-11-27', zone)
  expect(times(onPlace(one, slot, day, six))).toEqual(['2026-11-27T18:15:00'])
  expect(times(onPlace(both, slot, day, six))[0]).toBe('2026-11-27T18:15:00')
})

test('drafts and files are written for the place', () => {
  const draft = { draft: { id: 'post_1' } as Post }
  const day = shapeOf('2026-11-27', zone)
  expect(onDay(draft, '2026-11-27', zone, now)).toEqual({ local: '2026-11-27T18:00', write: { compose: 'post_1' } })
  expect(onHour({ media: 'med_1' }, day, six, { id: 'mara' } as Account)).toMatchObject({ local: '2026-11-27T18:00:00', write: { media: 'med_1', to: 'mara' } })
  expect(onHour({ media: 'med_1' }, day, six)).toMatchObject({ write: { media: 'med_1' } })
  expect(onPlace({ media: 'med_1' }, slot, day, six)).toMatchObject({ local: '2026-11-27T18:15:00', write: { media: 'med_1', to: 'mara' } })
})
