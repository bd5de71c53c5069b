import type { Due, Post } from '../api/client.ts'
import { instantOf } from '../compose/when.ts'
import { browserZone, isoDate, localTime } from '../words/time.ts'
import { wallClock, type DayShape, type Hour } from './hours.ts'
import type { IsoDate } from './month.ts'

/** The wall-clock time of a post in its own zone, to the second. */
function dueOf(post: Post): Due {
  return post.due ?? { local: `${localTime(new Date(post.due_at ?? ''))}:00`, zone: browserZone }
}

/** A post's time some minutes of the wall clock later, in its own zone: a day is a day, whatever its length. */
export function shifted(post: Post, minutes: number): Due {
  const due = dueOf(post)
  return { local: new Date(Date.parse(`${due.local}Z`) + minutes * 60_000).toISOString().slice(0, 19), zone: due.zone }
}

/** How many minutes of the wall clock a post goes when it is dropped on a date of a calendar in some zone. */
export function minutesTo(post: Post, date: IsoDate, zone: string): number {
  return (Date.parse(date) - Date.parse(isoDate(new Date(post.due_at ?? ''), zone))) / 60_000
}

/** The time a post gets when it is dropped on an hour: its minute stays, and it keeps its own zone. */
export function inHour(post: Post, day: DayShape, hour: Hour): Due {
  const minute = Number(localTime(new Date(post.due_at ?? ''), day.zone).slice(14, 16))
  const there = wallClock(day, hour, minute)
  const own = dueOf(post).zone
  return own === day.zone ? there : { local: `${localTime(instantOf(there), own)}:00`, zone: own }
}

/** The minutes of the wall clock between a post's time and another one. */
export function minutesBetween(post: Post, due: Due): number {
  return (Date.parse(`${due.local}Z`) - Date.parse(`${dueOf(post).local}Z`)) / 60_000
}
