import type { Entry, Post } from '../api/client.ts'
import { format, timeOfDay } from '../words/time.ts'

/** What happened, in words. Kinds of a later version are told plainly instead of being hidden. */
const kinds: Record<string, string> = {
  'user.signed_in': 'Signed in',
  'user.signed_out': 'Signed out',
  'user.sign_in_refused': 'A sign-in was refused',
  'account.connected': 'Account connected',
  'account.needs_reconnect': 'An account needs to be connected again',
  'account.access_ends': 'TikTok is about to end the access to an account',
  'account.disconnected': 'Account disconnected',
  'account.token_refreshed': 'Access to the account renewed',
  'key.created': 'API key made',
  'key.revoked': 'API key revoked',
  'slot.added': 'Time added to a queue',
  'slot.removed': 'Time removed from a queue',
  'snippet.saved': 'Caption or hashtags kept',
  'snippet.removed': 'Caption or hashtags removed',
  'template.saved': 'Template saved',
  'template.removed': 'Template removed',
  'label.saved': 'Label saved',
  'label.removed': 'Label removed',
  'media.received': 'File uploaded',
  'media.checked': 'File checked',
  'media.conversion_started': 'A fitting copy is being made',
  'media.conversion_ended': 'The fitting copy is done',
  'media.tagged': 'Tags of a file changed',
  'media.deleted': 'File deleted',
  'post.created': 'Post written',
  'post.scheduled': 'Post scheduled',
  'post.edited': 'Post changed',
  'post.rescheduled': 'Post moved to another time',
  'post.labelled': 'Labels of a post chosen',
  'post.moved': 'Post moved: the rules of its time zone changed',
  'post.cancelled': 'Post cancelled',
  'post.restored': 'Cancellation taken back',
  'post.deleted': 'Draft discarded',
  'post.stopping': 'Post stopped after the hand-over',
  'post.retried': 'Post queued again',
  'post.held': 'Post on hold',
  'post.released': 'Post goes on',
  'post.sent': 'Post sent to TikTok',
  'post.unanswered': 'TikTok does not say what became of a post; ShipPost asks again',
  'post.access_lost': 'ShipPost can no longer see what becomes of a post',
  'post.posted': 'Posted: TikTok confirmed it',
  'post.public': 'Post is public',
  'post.withdrawn': 'A post can no longer be seen on TikTok',
  'post.adjusted': 'Sent without what the creator forbids by now',
  'post.at_risk': 'A post will not go out as things are',
  'post.safe': 'What was in the way of a post is gone',
  'post.failed': 'Post failed',
  'post.missed': 'Post missed its time',
  'post.in_inbox': 'Draft is in the TikTok inbox',
  'post.unconfirmed': 'TikTok does not say whether a post is out',
  'post.decided': 'Somebody looked: the post is not out',
  'post.overdue': 'A post is late and has no end yet',
  'attempt.died': 'An attempt ended without a post',
  'publisher.alarm': 'Something needs the operator',
  'publisher.resumed': 'Publishing goes on',
  'retention.changed': 'Changed how long posted files stay',
  'retention.swept': 'Posted files removed: their time was over',
  'export.asked': 'Asked for a copy of the data',
  'export.ready': 'A copy of the data is ready',
  'export.removed': 'A copy of the data was removed',
  'export.fetched': 'A copy of the data was downloaded',
  'erasure.asked': 'Asked to delete',
  'erasure.undone': 'Deletion taken back',
  'policy.acknowledged': 'Read a new version of the legal texts',
  'inquiry.asked': 'Wrote to whoever runs this server',
  'inquiry.proved': 'Showed who asked',
  'inquiry.reminded': 'The operator was reminded of a request',
  'inquiry.carried_out': 'A request is carried out',
  'inquiry.closed': 'A request was closed',
  'letter.given_up': 'A mail could not be sent',
  'letter.revived': 'A mail is tried again',
  'mail.asked': 'Gave a mail address',
  'mail.confirmed': 'Confirmed a mail address',
  'mail.chosen': 'Chose what is told by mail',
  'mail.removed': 'Removed the mail address',
  'admin.read': 'An administrator looked at it',
  'admin.made': 'An administrator was made',
  'admin.signed_in': 'An administrator signed in',
  'admin.recovered': 'An administrator signed in with a recovery code',
  'admin.factors': 'An administrator changed how they get in without a passkey',
  'user.disabled': 'An administrator kept somebody out, or let them in again',
  'passkey.added': 'Added a passkey',
  'passkey.renamed': 'Gave a passkey another name',
  'passkey.removed': 'Removed a passkey',
  'workspace.imported': 'Workspace imported from a copy',
  'access.ended': 'Everybody was signed out, after a breach',
  'keys.rotated': 'The keys of this server were rotated',
  'settings.changed': 'The server started with other settings than before',
  'server.restored': 'The server was put back from a backup',
}

/** Steps that only the page of what they are about tells, and the pictures of accounts, which change by themselves. */
export const left = new Set(['post.staging', 'post.staged', 'post.committing', 'post.processing', 'media.checked', 'media.tagged', 'account.changed'])

export function worthTelling(e: Entry): boolean {
  return !left.has(e.kind) && !(e.kind === 'post.created' && e.data.status === 'queued')
}

/** What a kind is called; nothing for one of a later version. */
export function wordsOf(kind: string): string | undefined {
  return kinds[kind]
}

function plainly(kind: string): string {
  const words = kind.replaceAll(/[._]/g, ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

export function entryWords(e: Entry): string {
  return wordsOf(e.kind) ?? plainly(e.kind)
}

const bad = new Set(['post.failed', 'user.sign_in_refused'])
const warn = new Set(['post.missed', 'post.held', 'post.unconfirmed', 'post.access_lost', 'post.unanswered', 'post.withdrawn', 'post.at_risk', 'account.needs_reconnect', 'account.access_ends', 'attempt.died', 'publisher.alarm'])
/** The kinds that say that something went wrong, or may. */
export const problems = [...bad, ...warn, 'letter.given_up']

const good = new Set(['post.posted', 'post.public', 'account.connected'])

export function toneOf(e: Entry): 'bad' | 'warn' | 'good' | 'quiet' {
  return bad.has(e.kind) ? 'bad' : warn.has(e.kind) ? 'warn' : good.has(e.kind) ? 'good' : 'quiet'
}

/** What things are called now, by their ids. */
export interface Names {
  posts: ReadonlyMap<string, Post>
  accounts: ReadonlyMap<string, string>
  labels: ReadonlyMap<string, string>
  templates: ReadonlyMap<string, string>
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** A day of the week by its number; 4 January 1970 was a Sunday. */
const weekday = (day: number): string => format('UTC', { weekday: 'long' }).format((3 + day) * 86_400_000)

/** Which one it was, and why: the second line of an entry. Nothing where the first says all. */
export function aboutWords(e: Entry, names: Names): string {
  const post = names.posts.get(e.post_id ?? '')
  const account = names.accounts.get(e.account_id ?? '') ?? text(e.personal?.name)
  if (text(e.data.message)) return e.kind.startsWith('account.') ? [account, text(e.data.message)].filter(Boolean).join(': ') : text(e.data.message)
  if (e.kind === 'post.failed' && post?.failure) return post.failure.message
  if (e.kind === 'attempt.died' && post?.failure) return post.failure.message
  if (post) return post.caption || 'No caption yet'
  if (e.kind.startsWith('slot.') && typeof e.data.weekday === 'number') return [`${weekday(e.data.weekday)}, ${timeOfDay(text(e.data.clock))}`, account].filter(Boolean).join(' · ')
  if (e.kind.startsWith('account.')) return account
  return text(e.personal?.file_name) || names.labels.get(text(e.data.label)) || names.templates.get(text(e.data.template)) || text(e.personal?.name) || text(e.data.name)
}
