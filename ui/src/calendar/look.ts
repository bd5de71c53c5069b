import type { PostStatus } from '../api/client.ts'
import { statuses } from '../words/status.ts'
import { browserZone } from '../words/time.ts'
import type { IsoDate } from './month.ts'
import { type View, views } from './period.ts'

/** What is looked at, as it stands in the address. */
export interface Look {
  view: View
  zone: string
  /** A day of what is shown; today where none is said. */
  date?: IsoDate
  account: string[]
  label: string[]
  status: PostStatus[]
  drawer: boolean
}

const names = ['view', 'date', 'zone', 'account', 'status', 'label', 'drawer'] as const

/** Parts of an address that another look changes. */
export type Change = Partial<Record<(typeof names)[number] | 'compose' | 'media', string>>

/** What an address says. Anybody may have written it: what makes no sense is not there. */
export function lookFrom(param: (name: string) => string): Look {
  const listed = (name: string) => param(name).split(',').filter(Boolean)
  const zone = param('zone')
  const date = param('date')
  return {
    view: views.find((v) => v.value === param('view'))?.value ?? 'month',
    zone: zone === 'UTC' || Intl.supportedValuesOf('timeZone').includes(zone) ? zone : browserZone,
    date: /^\d{4}-\d{2}-\d{2}$/.test(date) && !Number.isNaN(Date.parse(date)) ? date : undefined,
    account: listed('account'),
    label: listed('label'),
    status: listed('status').filter((s): s is PostStatus => statuses.includes(s as PostStatus)),
    drawer: param('drawer') === 'open',
  }
}

/** The states that are shown: those that were chosen, or all of what is planned, on its way or out. */
export function shownStates(status: PostStatus[]): PostStatus[] {
  return status.length > 0 ? status : statuses.filter((s) => s !== 'cancelled' && s !== 'draft')
}

/** The query of an address that differs from another one in some parts. What is usual is not said. */
export function searchFor(param: (name: string) => string, to: Change, today: IsoDate): Record<string, string> {
  const usual: Record<string, string> = { view: 'month', date: today, zone: browserZone }
  const next: Record<string, string> = {}
  for (const name of ['compose', 'media'] as const) if (to[name]) next[name] = to[name]
  for (const name of names) {
    const value = to[name] ?? param(name)
    if (value && value !== usual[name]) next[name] = value
  }
  return next
}
