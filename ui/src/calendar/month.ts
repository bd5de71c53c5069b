import { format, localTime } from '../words/time.ts'

/** A calendar date as 2026-11-24: a day as people name it, wherever they are. */
export type IsoDate = string

const dayMs = 86_400_000

function fromIso(date: IsoDate): number {
  return Date.parse(`${date}T00:00:00Z`)
}

function toIso(ms: number): IsoDate {
  return new Date(ms).toISOString().slice(0, 10)
}

/** The date some days later, or earlier when negative. */
export function addDays(date: IsoDate, days: number): IsoDate {
  return toIso(fromIso(date) + days * dayMs)
}

/** The first day of the month some months later. */
export function addMonths(date: IsoDate, months: number): IsoDate {
  const [year = 0, month = 1] = date.split('-').map(Number)
  return toIso(Date.UTC(year, month - 1 + months, 1))
}

/** The day of the week that weeks begin with where the person is: 1 is Monday, 7 is Sunday. */
export function weekStart(locale = navigator.language): number {
  const info = new Intl.Locale(locale) as Intl.Locale & { getWeekInfo?: () => { firstDay: number }; weekInfo?: { firstDay: number } }
  return info.getWeekInfo?.().firstDay ?? info.weekInfo?.firstDay ?? 1
}

/** The weeks that show a month, whole weeks from the first to the last, as rows of seven dates. */
export function weeksOf(month: IsoDate, firstDay: number): IsoDate[][] {
  const first = addMonths(month, 0)
  const last = addDays(addMonths(month, 1), -1)
  const weekday = new Date(fromIso(first)).getUTCDay() || 7
  let at = addDays(first, -((weekday - firstDay + 7) % 7))
  const weeks: IsoDate[][] = []
  while (at <= last) {
    weeks.push(Array.from({ length: 7 }, (_, i) => addDays(at, i)))
    at = addDays(at, 7)
  }
  return weeks
}

/** Words for a date that is not an instant: formatted as UTC, so that no zone can shift it. */
export function dateWords(date: IsoDate, options: Intl.DateTimeFormatOptions): string {
  return format('UTC', options).format(fromIso(date))
}

/** The wall clock at which a post for a day is offered: at six in the evening, or in an hour when that has passed. */
export function eveningOf(date: IsoDate, zone: string, now = new Date()): string {
  const evening = `${date}T18:00`
  const hence = localTime(new Date(now.getTime() + 3_600_000), zone)
  return evening > hence ? evening : hence
}
