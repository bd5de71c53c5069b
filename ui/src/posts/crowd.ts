import { answer, api, type Due, type Post, type Problem } from '../api/client.ts'

/** What the planner says about a time: that a day is full of posts, or a minute, and the nearest free time. */
export interface Crowd {
  message: string
  /** The nearest time with room, where there is one. */
  free?: Due
}

/** The planner's word among problems, and where there is room instead. Of drafts for the inbox it takes no more than fit. */
export function crowdOf(problems: Pick<Problem, 'code' | 'field' | 'message' | 'severity' | 'choices'>[], zone: string): Crowd | undefined {
  const p = problems.find((p) => p.field === 'due_at' && (p.severity === 'warn' || p.code === 'too_many_drafts'))
  if (!p) return undefined
  const choice = p.choices?.[0]
  return { message: p.message, ...(choice?.local ? { free: { local: choice.local, zone, ...(choice.fold ? { fold: choice.fold as Due['fold'] } : {}) } } : {}) }
}

/** Asks what the planner says about a time for a post that is there already. Nothing is changed, and no answer is no warning. */
export async function crowdAt(post: Post, due: Due): Promise<Crowd | undefined> {
  const body = { account_id: post.account_id, media_ids: post.media_ids, caption: post.caption, options: post.options, due: { local: due.local, zone: due.zone, ...(due.fold ? { fold: due.fold } : {}) } }
  const verdict = await answer(api.POST('/posts/validate', { params: { query: { post_id: post.id } }, body })).catch(() => undefined)
  return verdict && crowdOf(verdict.problems, due.zone)
}
