import type { Due, Post, Schemas } from '../api/client.ts'
import { shifted } from '../calendar/move.ts'
import { instantOf } from '../compose/when.ts'

/** How many posts get their new times: the free places of their queues, one after the other from a time on, or each as many days later. */
export type Rule = { by: 'slots' } | { by: 'apart'; first: Due; minutes: number } | { by: 'days'; days: number }

/** A post, and the time that is meant for it; none where the rule has none. */
export interface Again {
  post: Post
  due?: Due
}

const day = 1440
const dueOf = (post: Post) => Date.parse(post.due_at ?? '') || 0

/** Posts that can get a new time by themselves. Of one that may be out already somebody has to look first. */
export function retimable(post: Post): boolean {
  return post.status === 'failed' || post.status === 'missed' || post.status === 'queued'
}

/** The fewest days after which the time of each is still to come. */
export function daysUntilAhead(posts: Post[], now: Date): number {
  const ahead = now.getTime() + 10 * 60_000
  for (let days = 1; days < 3650; days++) if (posts.every((p) => instantOf(shifted(p, days * day)).getTime() > ahead)) return days
  return 3650
}

/** The times that a rule gives to posts, in the order in which they were to go out. */
export function planned(posts: Post[], rule: Rule, free: Pick<Schemas['SlotTime'], 'account_id' | 'due'>[], now: Date): Again[] {
  const list = [...posts].sort((a, b) => dueOf(a) - dueOf(b) || (a.id < b.id ? -1 : 1))
  const left = [...free]
  return list.map((post, i) => {
    if (rule.by === 'slots') {
      const at = left.findIndex((s) => s.account_id === post.account_id)
      const due = at < 0 ? undefined : left.splice(at, 1)[0]!.due
      return { post, due: due && { local: due.local, zone: due.zone, ...(due.fold ? { fold: due.fold } : {}) } }
    }
    const due = rule.by === 'days' ? shifted(post, rule.days * day) : i === 0 ? rule.first : shifted({ due: rule.first } as Post, i * rule.minutes)
    return { post, due: instantOf(due) > now ? due : undefined }
  })
}
