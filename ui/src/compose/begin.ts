import type { Account, Post } from '../api/client.ts'
import { browserZone } from '../words/time.ts'
import { Composition } from './composition.svelte.ts'
import { Group } from './group.svelte.ts'
import { whenOf } from './when.ts'

const usual = 'shippost.account'

/** What a composer begins with: a post that there is, or a new one as another screen asked for it. */
export function begin(accounts: Account[], post: Post | undefined, others: Post[], search: Record<string, unknown>): Group {
  const fresh = new Composition()
  const usable = accounts.filter((a) => a.status !== 'disconnected')
  const wanted = typeof search.account === 'string' ? search.account : lastAccount()
  fresh.account = (usable.find((a) => a.id === wanted) ?? usable[0])?.id ?? ''
  if (typeof search.media === 'string') fresh.addKnown(search.media)
  if (post) fresh.open(post)
  const fold = search.fold === 'earlier' || search.fold === 'later' ? { fold: search.fold } as const : {}
  if (typeof search.at === 'string') fresh.when = whenOf({ local: search.at, zone: typeof search.zone === 'string' ? search.zone : browserZone, ...fold })
  return new Group(fresh, others.map((o) => {
    const other = new Composition()
    other.open(o)
    return other
  }))
}

function lastAccount(): string {
  try {
    return localStorage.getItem(usual) ?? ''
  } catch {
    return ''
  }
}

/** The account that the next new post begins with. */
export function rememberAccount(id: string): void {
  try {
    if (id) localStorage.setItem(usual, id)
  } catch {
    // Then the first account is offered next time.
  }
}
