import type { Account, Due, Post, SlotTime } from '../api/client.ts'
import { localTime } from '../words/time.ts'
import { wallClock, type DayShape, type Hour } from './hours.ts'
import { eveningOf, type IsoDate } from './month.ts'
import { inHour, minutesBetween, minutesTo, shifted } from './move.ts'
import type { Cargo } from './plan.svelte.ts'

/** What a post is made of that is written at a place: a draft, a file, an account. */
export type Compose = { compose?: string; media?: string; to?: string }

/** What dropping something does: posts get other times, or one is written for the time of the place. */
export type Landing = { moves: { post: Post; due: Due }[] } | { local: string; fold?: string; write: Compose }

/** What is dropped on a day is written for its evening, or keeps its time of day. */
export function onDay(cargo: Cargo, date: IsoDate, zone: string, now: Date): Landing {
  if ('posts' in cargo) return { moves: together(cargo.posts, minutesTo(cargo.held, date, zone)) }
  return { local: eveningOf(date, zone, now), write: 'draft' in cargo ? { compose: cargo.draft.id } : { media: cargo.media } }
}

/** What is dropped in an hour is written for its beginning, or keeps its minute; others go the way of the one that was held. */
export function onHour(cargo: Cargo, day: DayShape, hour: Hour, account?: Account): Landing {
  if ('posts' in cargo) {
    const { posts, held } = cargo
    const due = inHour(held, day, hour)
    const minutes = minutesBetween(held, due)
    if (posts.length > 1) return { moves: together(posts, minutes) }
    return { moves: minutes !== 0 || due.fold !== held.due?.fold ? [{ post: held, due }] : [] }
  }
  const { local, fold } = wallClock(day, hour)
  return { local, fold, write: 'draft' in cargo ? { compose: cargo.draft.id } : { media: cargo.media, ...(account ? { to: account.id } : {}) } }
}

/** What is dropped on a free place of a queue gets exactly its time. */
export function onPlace(cargo: Cargo, slot: SlotTime, day: DayShape, hour: Hour): Landing {
  const due = wallClock(day, hour, Number(localTime(new Date(slot.due_at), day.zone).slice(14, 16)))
  if ('posts' in cargo) {
    const { posts, held } = cargo
    return { moves: posts.length > 1 ? together(posts, minutesBetween(held, due)) : [{ post: held, due }] }
  }
  return { local: due.local, fold: due.fold, write: 'draft' in cargo ? { compose: cargo.draft.id } : { media: cargo.media, to: slot.account_id } }
}

function together(posts: Post[], minutes: number): { post: Post; due: Due }[] {
  return minutes === 0 ? [] : posts.map((post) => ({ post, due: shifted(post, minutes) }))
}
