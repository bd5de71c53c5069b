import { addDays, addMonths, dateWords, type IsoDate, weeksOf } from './month.ts'

/** How the calendar is looked at. */
export type View = 'month' | 'week' | 'day' | 'list'

export const views: { value: View; words: string }[] = [
  { value: 'month', words: 'Month' },
  { value: 'week', words: 'Week' },
  { value: 'day', words: 'Day' },
  { value: 'list', words: 'List' },
]

/** The first day of the week that a date lies in. */
export function weekOf(date: IsoDate, firstDay: number): IsoDate {
  const weekday = new Date(`${date}T00:00:00Z`).getUTCDay() || 7
  return addDays(date, -((weekday - firstDay + 7) % 7))
}

/** The days that a view shows around a date. */
export function daysOf(view: View, date: IsoDate, firstDay: number): IsoDate[] {
  if (view === 'day') return [date]
  if (view === 'week') return Array.from({ length: 7 }, (_, i) => addDays(weekOf(date, firstDay), i))
  const weeks = weeksOf(date, firstDay).flat()
  return view === 'month' ? weeks : weeks.filter((d) => d.slice(0, 7) === date.slice(0, 7))
}

/** The date to look at after turning some pages. */
export function turned(view: View, date: IsoDate, pages: number): IsoDate {
  if (view === 'day') return addDays(date, pages)
  if (view === 'week') return addDays(date, 7 * pages)
  return addMonths(date, pages)
}

/** What a view shows, in words: "November 2026", "23 – 29 Nov 2026", "Tuesday, 24 November 2026". */
export function periodWords(view: View, date: IsoDate, firstDay: number, short = false): string {
  if (view === 'day') return dateWords(date, short ? { weekday: 'short', day: 'numeric', month: 'short' } : { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' })
  if (view !== 'week') return dateWords(date, { month: 'long', year: 'numeric' })
  const first = weekOf(date, firstDay)
  return new Intl.DateTimeFormat(undefined, { timeZone: 'UTC', day: 'numeric', month: 'short', ...(short ? {} : { year: 'numeric' }) }).formatRange(
    Date.parse(`${first}T00:00:00Z`), Date.parse(`${addDays(first, 6)}T00:00:00Z`),
  )
}
