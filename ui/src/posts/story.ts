import type { Entry } from '../api/client.ts'

/** One line of a post's story, in words. */
export interface Line {
  id: string
  at: string
  words: string
  /** More than the words, for whoever wants to know. */
  detail?: string
  tone: 'done' | 'good' | 'warn' | 'bad'
  /** The moment is worth its fraction of a second. */
  exact?: boolean
}

/** What is told about a kind; why is the sentence of what ended the attempt, if one did. */
type Teller = (data: Record<string, unknown>, photos: boolean, why: string) => Omit<Line, 'id' | 'at'> | undefined

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** What the creator forbids, by the codes of the problems that said so. */
const interactions: Record<string, string> = { comments_off: 'No comments', duets_off: 'No duets', stitches_off: 'No stitches' }

const forbidden = (codes: unknown): string =>
  Array.isArray(codes) ? codes.flatMap((code) => interactions[String(code)] ?? []).join(', ') : ''

// Steps that only repeat what the line before said are left out of the story; the journal keeps them.
const tellers: Record<string, Teller> = {
  'post.created': (d) => (d.status === 'draft' ? { words: 'Draft saved', tone: 'done' } : undefined),
  'post.scheduled': () => ({ words: 'Scheduled', tone: 'done' }),
  'post.edited': () => ({ words: 'Changed', tone: 'done' }),
  'post.rescheduled': () => ({ words: 'Moved to another time', tone: 'done' }),
  'post.moved': () => ({ words: 'Moved, because the rules of its time zone changed', tone: 'warn' }),
  'post.cancelled': () => ({ words: 'Cancelled. Nothing went out', tone: 'done' }),
  'post.stopping': (d) => (d.message ? { words: 'TikTok was asked to stop it', detail: text(d.message), tone: 'warn' } : { words: 'Stopped after the hand-over; it may have been too late', tone: 'warn' }),
  'post.retried': () => ({ words: 'Queued again', tone: 'done' }),
  'post.held': () => ({ words: 'On hold', tone: 'warn' }),
  'post.released': () => ({ words: 'Goes on', tone: 'done' }),
  'post.staging': (d, photos) => {
    const words = photos ? 'Getting the photos ready for TikTok' : 'Uploading to TikTok'
    return { words: Number(d.attempt) > 1 ? `${words}, attempt ${d.attempt}` : words, tone: 'done' }
  },
  'post.staged': (_, photos) => ({ words: photos ? 'Ready; TikTok may fetch the photos when it is time' : 'All but the last bytes are there; they wait for the time', tone: 'done' }),
  'post.sent': (d, photos) => ({
    words: photos ? 'Told TikTok to fetch the photos' : d.accepted ? 'Sent. TikTok has all of it' : 'Sent. TikTok did not confirm it yet, so ShipPost asks',
    detail: Number(d.lateness_ms) < 1000 ? 'On the second' : `${(Number(d.lateness_ms) / 1000).toFixed(1)} s after its time`,
    tone: 'done',
    exact: true,
  }),
  'post.processing': () => ({ words: 'TikTok is processing it', tone: 'done' }),
  'post.access_lost': () => ({ words: 'TikTok has it, but no longer lets ShipPost see what became of it', tone: 'warn' }),
  'post.unanswered': (d) => ({ words: 'TikTok does not say what became of it; ShipPost asks again', detail: text(d.message), tone: 'warn' }),
  'post.posted': () => ({ words: 'Posted: TikTok confirmed it', tone: 'good' }),
  'post.public': () => ({ words: 'Public, and its link is known', tone: 'good' }),
  'post.withdrawn': () => ({ words: 'Viewers can no longer see it on TikTok', tone: 'warn' }),
  'post.adjusted': (d) => ({ words: 'The creator forbids some of it by now, so it goes without', detail: forbidden(d.codes), tone: 'warn' }),
  'post.at_risk': () => ({ words: 'A look ahead: it will not go out as things are', tone: 'warn' }),
  'post.safe': () => ({ words: 'What was in the way is gone', tone: 'done' }),
  'post.in_inbox': () => ({ words: 'In the TikTok inbox: finish it in the app', tone: 'good' }),
  'post.failed': (d) => ({ words: 'Failed', detail: text(d.message), tone: 'bad' }),
  'post.missed': (d) => ({ words: 'Missed: its time passed and nothing was sent', detail: text(d.message), tone: 'warn' }),
  'post.unconfirmed': () => ({ words: 'TikTok does not say whether it is out', tone: 'warn' }),
  'attempt.died': (_, __, why) => ({ words: 'This attempt ended without a post', detail: why, tone: 'warn' }),
}

/**
 * The story of a post from its journal, oldest first; reasons say why attempts ended, by their ids. Kinds that this version does not
 * know are left out.
 */
export function story(entries: Entry[], photos = false, reasons: ReadonlyMap<string, string> = new Map()): Line[] {
  return entries
    .toReversed()
    .flatMap((e) => {
      const line = tellers[e.kind]?.(e.data, photos, reasons.get(e.attempt_id ?? '') ?? '')
      return line ? [{ id: e.id, at: text(e.data.committed_at) || e.at, ...line }] : []
    })
}
