import { weekStart } from '../calendar/month.ts'
import { format } from '../words/time.ts'

/** The days of the week by their numbers, 0 for Sunday, in the order in which they are shown where the person is. */
export function weekdays(firstDay = weekStart()): number[] {
  return Array.from({ length: 7 }, (_, i) => (firstDay + i) % 7)
}

/** What a day of the week is called. */
export function weekdayWords(weekday: number, style: 'long' | 'short'): string {
  return format('UTC', { weekday: style }).format((3 + weekday) * 86_400_000) // 4 January 1970 was a Sunday
}

/** The place that a zone is named after. */
export function city(zone: string): string {
  return zone.split('/').at(-1)?.replaceAll('_', ' ') ?? zone
}
