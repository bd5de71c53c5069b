import type { Account, PostStatus } from '../api/client.ts'
import { isoDate, localTime, shortClock } from '../words/time.ts'
import { addDays, type IsoDate } from './month.ts'

/** An hour of the wall clock. `again` is the second one, where clocks are put back and an hour comes twice. */
export interface Hour {
  hour: number
  again: boolean
}

/** A day as its zone makes it: with 24 hours, or with more or fewer where clocks are changed. */
export interface DayShape {
  date: IsoDate
  zone: string
  start: Date
  end: Date
  /** When clocks change on this day, and what they show before and after it, in minutes from midnight. */
  change?: { at: Date; from: number; to: number }
}

/** A column of a table of hours. */
export interface Column {
  day: DayShape
  /** Only the posts of this account are in the column. */
  account?: Account
}

/** Which posts a calendar shows, as the API is asked for them. */
export interface Filter {
  account_id?: string[]
  label_id?: string[]
  status: PostStatus[]
}

const hourMs = 3_600_000

/** The instant at which a date begins in a zone, as the server reckons it. */
export function dayStart(date: IsoDate, zone: string): Date {
  const naive = Date.parse(`${date}T00:00:00Z`)
  const offset = (at: number) => Date.parse(`${localTime(new Date(at), zone)}Z`) - at
  const candidates = [naive - offset(naive - 26 * hourMs), naive - offset(naive + 26 * hourMs), naive - offset(naive)].sort((a, b) => a - b)
  // Where midnight is skipped the day begins after the hole; a day that was left out begins with the next one.
  return new Date(candidates.find((at) => isoDate(new Date(at), zone) >= date) ?? candidates.at(-1)!)
}

/** How long a day is, and when its clocks change. */
export function shapeOf(date: IsoDate, zone: string): DayShape {
  const start = dayStart(date, zone)
  const end = dayStart(addDays(date, 1), zone)
  const offset = (at: number) => Date.parse(`${localTime(new Date(at), zone)}Z`) - Math.floor(at / 60_000) * 60_000
  let low = start.getTime() - 1
  let high = end.getTime()
  if (offset(low) === offset(high - 1)) return { date, zone, start, end }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (offset(middle) === offset(start.getTime() - 1)) low = middle
    else high = middle
  }
  const before = offset(low)
  const midnight = Date.parse(`${date}T00:00:00Z`)
  return { date, zone, start, end, change: { at: new Date(high), from: (high + before - midnight) / 60_000, to: (high + offset(high) - midnight) / 60_000 } }
}

/** How many hours a day has: 24, 23 or 25, or a half beside. */
export function lengthOf(day: DayShape): number {
  return (day.end.getTime() - day.start.getTime()) / hourMs
}

/** The rows of a table that shows some days: the 24 hours of the clock, and once more those that come twice on any of them. */
export function rowsOf(days: DayShape[]): Hour[] {
  const rows: Hour[] = []
  for (let hour = 0; hour < 24; hour++) {
    rows.push({ hour, again: false })
    const back = days.find((d) => d.change && d.change.to < d.change.from && lastRepeated(d.change) === hour)
    if (back?.change) for (let h = Math.floor(back.change.to / 60); h <= hour; h++) rows.push({ hour: h, again: true })
  }
  return rows
}

function lastRepeated(change: { from: number }): number {
  return Math.min(23, Math.ceil(change.from / 60) - 1)
}

/** Whether the clock shows an hour on a day: not one that is skipped, nor a second one where it comes once. */
export function shows(day: DayShape, row: Hour): boolean {
  const c = day.change
  if (row.again) return Boolean(c && c.to < c.from && row.hour >= Math.floor(c.to / 60) && row.hour <= lastRepeated(c))
  return !(c && c.to > c.from && row.hour * 60 >= c.from && (row.hour + 1) * 60 <= c.to)
}

/** The row that an instant of the day lies in. */
export function rowOf(day: DayShape, at: Date): Hour {
  const hour = Number(localTime(at, day.zone).slice(11, 13))
  const c = day.change
  return { hour, again: Boolean(c && c.to < c.from && at >= c.at && hour <= lastRepeated(c)) }
}

/** Whether an hour of a day is over, seen from today and from the hour that it is there. */
export function isOver(date: IsoDate, row: Hour, today: IsoDate, now: Hour): boolean {
  if (date !== today) return date < today
  return row.hour < now.hour || (row.hour === now.hour && !row.again && now.again)
}

/** The wall clock in an hour's row, with the fold where the hour comes twice. */
export function wallClock(day: DayShape, row: Hour, minute = 0): { local: string; zone: string; fold?: 'earlier' | 'later' } {
  const two = (n: number) => String(n).padStart(2, '0')
  const c = day.change
  const skipped = c && c.to > c.from && row.hour * 60 + minute >= c.from && row.hour * 60 + minute < c.to
  const at = skipped ? c.to : row.hour * 60 + minute
  const twice = c && c.to < c.from && at >= c.to && at < c.from
  return {
    local: `${day.date}T${two(Math.floor(at / 60))}:${two(at % 60)}:00`, zone: day.zone,
    ...(twice ? { fold: row.again ? ('later' as const) : ('earlier' as const) } : {}),
  }
}

export function hourKey(row: Hour): string {
  return row.again ? `${row.hour}*` : String(row.hour)
}

/** "18:00", or "6 PM": what an hour is called. */
export function hourWords(row: Hour): string {
  return shortClock(new Date(Date.UTC(2026, 0, 1, row.hour)), 'UTC')
}

/**
 * How high an hour is with so many posts in each of its columns, in pixels, until it was seen: with or without a line for more of them.
 * Where people have left the size of letters alone it is exact for posts without labels in hours without free places, so that what lies
 * below does not move when they are drawn; labels and free places need more.
 */
export function roomFor(columns: { posts: number; more: boolean }[], beside = 1): number {
  return Math.max(32, ...columns.map(({ posts, more }) => (posts === 0 ? 0 : Math.ceil(posts / beside) * 55.65625 + 16 + (more ? 27 : 0))))
}
