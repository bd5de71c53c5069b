import type { Due } from '../api/client.ts'
import { browserZone, localTime, timeOfDay } from '../words/time.ts'

/** When a post is to go out, as a person chooses it. Empty date or time: not yet said. */
export interface When {
  mode: 'at' | 'now'
  /** 2026-11-24, in the zone */
  date: string
  /** 18:00, in the zone */
  time: string
  zone: string
  /** Which of the two, when clocks are put back and the time happens twice. */
  fold?: Due['fold']
}

export function unsaid(zone = browserZone): When {
  return { mode: 'at', date: '', time: '', zone }
}

/** The wall-clock time that was chosen; undefined while a part is missing. */
export function dueOf(w: When): Due | undefined {
  if (w.mode !== 'at' || !w.date || !w.time) return undefined
  return { local: `${w.date}T${w.time.length === 5 ? `${w.time}:00` : w.time}`, zone: w.zone, ...(w.fold ? { fold: w.fold } : {}) }
}

/** A due time as it is chosen here. Seconds are kept when there are any. */
export function whenOf(due: Due): When {
  const [date = '', time = ''] = due.local.split('T')
  return { mode: 'at', date, time: time.endsWith(':00') ? time.slice(0, 5) : time, zone: due.zone, ...(due.fold ? { fold: due.fold } : {}) }
}

/** An instant as a choice in a zone. */
export function whenAt(at: Date, zone: string): When {
  const [date = '', time = ''] = localTime(at, zone).split('T')
  return { mode: 'at', date, time, zone }
}

/**
 * The instant of a wall-clock time in a zone, for showing it before the server said so. Of a doubled time the earlier one unless the
 * fold says otherwise; of a skipped one something beside it. The server decides.
 */
export function instantOf(due: Due): Date {
  const naive = Date.parse(`${due.local}Z`)
  const offset = (at: number) => Date.parse(`${localTime(new Date(at), due.zone)}Z`) - Math.floor(at / 60_000) * 60_000
  const candidates = [naive - offset(naive - 86_400_000), naive - offset(naive + 86_400_000)]
  const real = candidates.filter((at) => at + offset(at) === naive)
  const at = (real.length > 0 ? real : candidates).sort((a, b) => a - b)
  return new Date(due.fold === 'later' ? at.at(-1)! : at[0]!)
}

/** Round times that people often mean, all at least ten minutes ahead. */
export function suggestions(now: Date, zone: string): { words: string; when: When }[] {
  const soon = now.getTime() + 10 * 60_000
  const [today = ''] = localTime(now, zone).split('T')
  const [tomorrow = ''] = localTime(new Date(now.getTime() + 86_400_000), zone).split('T')
  const list = [{ words: 'In an hour', when: whenAt(new Date(now.getTime() + 3_600_000), zone) }]
  for (const [words, date, time] of [['Today', today, '18:00'], ['Tomorrow', tomorrow, '09:00'], ['Tomorrow', tomorrow, '18:00']] as const) {
    const when: When = { mode: 'at', date, time, zone }
    if (instantOf(dueOf(when)!).getTime() >= soon) list.push({ words: `${words}, ${timeOfDay(time)}`, when })
  }
  return list.slice(0, 3)
}
