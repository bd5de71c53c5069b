import * as chrono from 'chrono-node'
import { localTime } from '../words/time.ts'
import { whenAt, type When } from './when.ts'

/**
 * Reads a time said in words, as it is meant in a zone. A day alone means nine in the morning. Undefined when it is not understood.
 * The parser is large, so this file is fetched when somebody first types.
 */
export function readTime(words: string, zone: string, now: Date): When | undefined {
  // The parser knows only the zone of this computer, so it is told what the clocks on the wall over there say.
  const there = localTime(now, zone)
  const wall = new Date(`${there}:00`)
  const found = chrono.parse(words, { instant: wall }, { forwardDate: true })[0]
  if (!found) return undefined
  const start = found.start
  if (start.tags().has('result/relativeDateAndTime')) {
    // "In two minutes" is two minutes of anybody's time, whatever clocks do meanwhile, and never less: seconds make it the next minute.
    return whenAt(new Date(Math.ceil((now.getTime() + start.date().getTime() - wall.getTime()) / 60_000) * 60_000), zone)
  }
  const two = (n: number | null) => String(n ?? 0).padStart(2, '0')
  const said = start.isCertain('hour')
  const hour = said ? start.get('hour') : 9
  const minute = said ? start.get('minute') : 0
  const date = `${start.get('year')}-${two(start.get('month'))}-${two(start.get('day'))}`
  return { mode: 'at', date, time: `${two(hour)}:${two(minute)}`, zone }
}
