import type { Due, Post } from '../api/client.ts'
import { instantOf } from '../compose/when.ts'
import { browserZone, isoDate, localTime } from '../words/time.ts'
import { wallClock, type DayShape, type Hour } from './hours.ts'
import type { IsoDate } from './month.ts'

// A move changes what a person changed and nothing else. Another day: the time of day stays, to the second. Another hour: its minute and
// second stay. Only the place of a queue is a time of its own. A post keeps its zone wherever it goes, and its clock stays the same however
// long the days between are.

/** The wall-clock time of a post in its own zone, to the second. */
function dueOf(post: Post): Due {
  if (post.due) return post.due
  const at = new Date(post.due_at ?? '')
  return { local: `${localTime(at)}:${secondOf(at)}`, zone: browserZone }
}

/** The second of its minute that an instant has, as a clock writes it: the same in every zone. */
function secondOf(at: Date): string {
  return String(at.getUTCSeconds()).padStart(2, '0')
}

/** A post's time some minutes of the wall clock later, in its own zone: a day is a day, whatever its length. */
export function shifted(post: Post, minutes: number): Due {
  const due = dueOf(post)
  return { local: new Date(Date.parse(`${due.local}Z`) + Math.round(minutes * 60_000)).toISOString().slice(0, 19), zone: due.zone }
}

/** How many minutes of the wall clock a post goes when it is dropped on a date of a calendar in some zone. */
export function minutesTo(post: Post, date: IsoDate, zone: string): number {
  return (Date.parse(date) - Date.parse(isoDate(new Date(post.due_at ?? ''), zone))) / 60_000
}

/** The time a post gets when it is dropped on an hour. */
export function inHour(post: Post, day: DayShape, hour: Hour): Due {
  const at = new Date(post.due_at ?? '')
  const there = wallClock(day, hour, Number(localTime(at, day.zone).slice(14, 16)))
  const own = dueOf(post).zone
  const local = own === day.zone ? there.local : localTime(instantOf(there), own)
  return { ...(own === day.zone ? there : { zone: own }), local: `${local.slice(0, 16)}:${secondOf(at)}` }
}

/** The minutes of the wall clock between a post's time and another one. */
export function minutesBetween(post: Post, due: Due): number {
  return (Date.parse(`${due.local}Z`) - Date.parse(`${dueOf(post).local}Z`)) / 60_000
}
