/** The zone this browser is in. */
export const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone

const formats = new Map<string, Intl.DateTimeFormat>()

/** How times are written in a zone. Making a format is slow, using one is fast; a calendar uses few and each of them often. */
export function format(zone: string, options: Intl.DateTimeFormatOptions, locale?: string): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options)
  let found = formats.get(key)
  if (!found) formats.set(key, (found = new Intl.DateTimeFormat(locale, { timeZone: zone, ...options })))
  return found
}

const wallClock: Intl.DateTimeFormatOptions = {
  year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23',
}

/** "18:00", or "6:00 PM" where people write it so. */
export function clock(at: Date, zone = browserZone): string {
  return format(zone, { hour: 'numeric', minute: '2-digit' }).format(at)
}

/** "18:00", or "6 PM" where people write it so: for places where little fits, and which may break it in two lines. */
export function shortClock(at: Date, zone = browserZone): string {
  const whole = localTime(at, zone).endsWith(':00') && /[ap]m/i.test(clock(at, zone))
  return (whole ? format(zone, { hour: 'numeric' }).format(at) : clock(at, zone)).replace(/\s/g, ' ')
}

/** A time of any day, such as 18:00, as people write it: "18:00" or "6:00 PM". */
export function timeOfDay(hhmm: string): string {
  return clock(new Date(`1970-01-01T${hhmm.slice(0, 5)}:00Z`), 'UTC')
}

/** "18:00:00.042": for moments where the fraction matters. */
export function exactClock(at: Date, zone = browserZone): string {
  return format(zone, { hour: 'numeric', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 }).format(at)
}

/** "Tue 24 Nov", with the year when it is another one. */
export function day(at: Date, zone = browserZone, now = new Date()): string {
  const year = at.getFullYear() === now.getFullYear() ? {} : { year: 'numeric' as const }
  return format(zone, { weekday: 'short', day: 'numeric', month: 'short', ...year }).format(at)
}

/** "Today", "Tomorrow", "Yesterday" or the day. */
export function nearDay(at: Date, zone = browserZone, now = new Date()): string {
  const apart = Math.round((Date.parse(isoDate(at, zone)) - Date.parse(isoDate(now, zone))) / 86_400_000)
  if (apart === 0) return 'Today'
  if (apart === 1) return 'Tomorrow'
  if (apart === -1) return 'Yesterday'
  return day(at, zone, now)
}

/** "Tue 24 Nov, 18:00". */
export function dayAndClock(at: Date, zone = browserZone): string {
  return `${day(at, zone)}, ${clock(at, zone)}`
}

/** The calendar date of an instant in a zone, as 2026-11-24. */
export function isoDate(at: Date, zone = browserZone): string {
  return localTime(at, zone).slice(0, 10)
}

/** The wall-clock time of an instant in a zone, as 2026-11-24T18:00: what a due time is made of. */
export function localTime(at: Date, zone = browserZone): string {
  // This locale writes 2026-11-24, 18:00.
  return format(zone, wallClock, 'en-CA').format(at).replace(', ', 'T')
}

/** "Central European Standard Time (Europe/Berlin, GMT+1)": what a time's zone is, for a tooltip. */
export function zoneWords(zone: string, at = new Date()): string {
  const name = (style: 'long' | 'shortOffset') =>
    new Intl.DateTimeFormat(undefined, { timeZone: zone, timeZoneName: style }).formatToParts(at).find((p) => p.type === 'timeZoneName')?.value
  return `${name('long')} (${zone.replaceAll('_', ' ')}, ${name('shortOffset')})`
}

/** "in 3 hours", "tomorrow", "2 days ago": days as the calendar counts them. */
export function fromNow(at: Date, now = new Date()): string {
  const seconds = Math.round((at.getTime() - now.getTime()) / 1000)
  const words = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' })
  const size = Math.abs(seconds)
  if (size < 60) return words.format(seconds, 'second')
  if (size < 3600) return words.format(Math.round(seconds / 60), 'minute')
  if (size < 86_400) return words.format(Math.round(seconds / 3600), 'hour')
  return words.format(Math.round((Date.parse(isoDate(at)) - Date.parse(isoDate(now))) / 86_400_000), 'day')
}

/** "0:14", "1:02:03": how long a video is. */
export function duration(ms: number): string {
  const total = Math.round(ms / 1000)
  const [h, m, s] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60), total % 60]
  const two = (n: number) => String(n).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}
