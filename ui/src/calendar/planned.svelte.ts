import { createQuery, keepPreviousData } from '@tanstack/svelte-query'
import type { SlotTime } from '../api/client.ts'
import { calendarQuery, fullDaysQuery, labelsQuery, slotTimesQuery } from '../api/queries.ts'
import { sample } from '../sample/sample.svelte.ts'
import { arrange, postsIn } from './arrange.ts'
import { byDate } from './full.ts'
import { dayStart, type Filter } from './hours.ts'
import { addDays, type IsoDate } from './month.ts'
import type { View } from './period.ts'
import type { Plan } from './plan.svelte.ts'

/** What is asked for: some days in a zone, and which posts of them. */
export interface Scope {
  view: View
  dates: IsoDate[]
  zone: string
  filter: Filter
  /** How many posts of a day, or of an hour, come at first. */
  keep: number
  /** Labels are to be chosen from. */
  labels: boolean
}

/** What some days of the calendar have: posts, free places of queues, and how full they are. Made while a component is. */
export function planned(plan: Plan, scope: () => Scope) {
  const by = $derived<'day' | 'hour'>(scope().view === 'week' || scope().view === 'day' ? 'hour' : 'day')
  const from = $derived(scope().dates[0]!)
  const account = $derived(scope().filter.account_id)

  const calendar = createQuery(() => ({
    ...calendarQuery({ from, days: scope().dates.length, zone: scope().zone, by, keep: scope().keep, ...scope().filter }),
    placeholderData: keepPreviousData,
    enabled: scope().view !== 'list',
  }))
  const own = $derived.by(() => {
    const days = (calendar.data?.days ?? []).map((d) => ({
      ...d, spans: d.spans.map((s) => ({ ...s, count: s.count - s.posts.filter((p) => plan.gone.has(p.id)).length, posts: s.posts.filter((p) => !plan.gone.has(p.id)) })),
    }))
    return arrange(days, plan.moved, by, calendar.data?.zone ?? scope().zone)
  })
  const empty = $derived(scope().view !== 'list' && calendar.data !== undefined && !calendar.isPlaceholderData && own.size === 0)
  const asSample = $derived(sample.posts.length > 0 && empty)
  const buckets = $derived(asSample ? arrange([], new Map(sample.posts.map((p) => [p.id, p])), by, scope().zone) : own)

  // Weekly times that nothing goes out at yet are places to fill, where days are shown by the hour.
  const places = createQuery(() => ({
    ...slotTimesQuery({ from: dayStart(from, scope().zone).toISOString(), to: dayStart(addDays(scope().dates.at(-1)!, 1), scope().zone).toISOString(), free: true, limit: 500 }),
    enabled: by === 'hour',
  }))
  const slots = $derived<SlotTime[]>((places.data?.items ?? []).filter((s) => !account || account.includes(s.account_id)))

  // Asked for only where there are some to show or to choose from: the first page stays small.
  const labels = createQuery(() => ({ ...labelsQuery(), enabled: scope().labels || Boolean(scope().filter.label_id) || postsIn(buckets).some((p) => p.label_ids.length > 0) }))

  // How full the days are is asked for once there is something to be full of.
  const fullDays = createQuery(() => ({
    ...fullDaysQuery({ from, days: scope().dates.length, zone: scope().zone }),
    placeholderData: keepPreviousData,
    enabled: scope().view === 'list' || own.size > 0,
  }))
  const full = $derived(byDate((fullDays.data?.items ?? []).filter((d) => !account || account.includes(d.account_id))))
  const zones = $derived([...new Set(postsIn(buckets).map((p) => p.due?.zone).filter((z): z is string => Boolean(z)))])

  return {
    calendar,
    /** Posts by their place; those of a sample where there are no others. */
    get buckets() { return buckets },
    /** It is known that the workspace has no post among these. */
    get empty() { return empty },
    get asSample() { return asSample },
    get slots() { return slots },
    get labels() { return labels.data?.items ?? [] },
    get full() { return full },
    /** The zones that posts are in. */
    get zones() { return zones },
  }
}
