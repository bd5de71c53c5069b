import type { Attempt, Cause, Post } from '../api/client.ts'

/** A post that did not go out, with its tries. */
export interface Told {
  post: Post
  attempts: Attempt[]
}

/** What is left out of a line that has nothing to say. */
const parts = (...all: (string | false | undefined)[]): string => all.filter(Boolean).join(', ')

function attemptLine(a: Attempt): string {
  return parts(
    `  attempt ${a.number} ${a.id}: ${a.state}${a.death ? ` by ${a.death}` : ''}`,
    a.failure && `code ${a.failure.code}`,
    `${a.sent} of ${a.size} bytes`,
    `planned ${a.planned_at}`,
    a.opened_at && `opened ${a.opened_at}`,
    a.committed_at && `last byte ${a.committed_at}`,
    a.handed_over_at && `handed over ${a.handed_over_at}`,
    a.ended_at && `ended ${a.ended_at}`,
    a.polls > 0 && `asked ${a.polls} times`,
    a.publish_id && `publish id ${a.publish_id}`,
    a.failure?.log_id && `log ${a.failure.log_id}`,
  )
}

/**
 * What whoever runs the server, or the platform, needs to know about posts that one reason keeps back: codes, times, ids. Nothing of
 * what the posts say, nobody's name, and nothing that works as a key. Times are in UTC, as the server writes them.
 */
export function report(cause: Cause, told: Told[], app: string, now: Date): string {
  const lines = [
    `ShipPost report, ${now.toISOString()}`,
    `App: ${app}`,
    `Cause: ${cause.code}${cause.held ? ' (held)' : ''}`,
    `Says: ${cause.message}`,
    cause.remedy ? `Helps: ${cause.remedy}` : '',
    `Posts: ${cause.posts}${told.length < cause.posts ? `, the latest ${told.length} below` : ''}`,
    `Latest: ${cause.latest_at}`,
  ]
  for (const { post, attempts } of told) {
    lines.push('', parts(
      `${post.id}: ${post.status}${post.phase ? ` (${post.phase})` : ''}`,
      `account ${post.account_id}`,
      `version ${post.version}`,
      post.due_at && `due ${post.due_at}`,
      post.deadline_at && `until ${post.deadline_at}`,
      post.failure && `code ${post.failure.code}`,
      post.hold && `held with ${post.hold.code} since ${post.hold.since}`,
      post.failure?.log_id && `log ${post.failure.log_id}`,
    ))
    lines.push(...(attempts.length > 0 ? attempts.map(attemptLine) : ['  no attempt']))
  }
  return lines.filter((line, i) => line !== '' || lines[i + 1]?.startsWith('post_')).join('\n')
}

/** The app's version, as the name of its code: a server that was updated has another one. */
export const app = new URL(import.meta.url).pathname.split('/').at(-1) ?? ''
