import type { Post } from '../api/client.ts'
import { instantOf } from '../compose/when.ts'
import type { Line } from '../posts/story.ts'
import { browserZone, isoDate } from '../words/time.ts'
import dunes from './dunes.svg'
import harbour from './harbour.svg'
import kiln from './kiln.svg'
import market from './market.svg'
import tide from './tide.svg'

type Plain = [days: number, clock: string, caption: string, picture: string, more?: Partial<Post>]

// What a month has: some are out, most wait, and one will not go out as things are.
const plain: Plain[] = [
  [-4, '18:00', 'Low tide at dawn #nature', tide, { status: 'posted' }],
  [-1, '12:30', 'What the market has today', market, { status: 'posted' }],
  [1, '18:00', 'Dunes at noon', dunes],
  [2, '12:30', 'A bowl, from clay to table', kiln],
  [2, '19:00', 'Harbour at night', harbour],
  [4, '18:00', 'The tide comes back #nature', tide],
  [7, '12:30', 'Saturday at the market', market, {
    forecast: { light: 'red', checked_at: '', remedy: 'reschedule', problems: [], message: 'The account has fifteen posts within a day, which is all that TikTok takes.' },
  }],
  [9, '18:00', 'Glazing day', kiln],
]

/** The posts of the sample, some days before and after a moment, in the person's own zone. */
export function postsAround(now: Date, prefix: string): Post[] {
  return plain.map(([days, clock, caption, picture, more], i) => {
    const date = isoDate(new Date(Date.parse(`${isoDate(now)}T12:00:00Z`) + days * 86_400_000), 'UTC')
    const due = { local: `${date}T${clock}:00`, zone: browserZone }
    const at = instantOf(due).toISOString()
    return {
      id: `${prefix}${i}`, account_id: '', created_by: '', created_at: at, updated_at: at, caption, due, due_at: at, late_window: '1h', label_ids: [], media_ids: [''], platform_ids: [], options: {}, version: 1,
      media: [{ id: '', kind: 'video', status: 'ready', poster_url: picture, duration_ms: 12_000 + i * 1_000 }], status: 'queued', ...more,
    }
  })
}

/** What became of a sample's post, as the page of a post tells it. */
export function storyOf(post: Post): Line[] {
  const due = Date.parse(post.due_at ?? '')
  const at = (ms: number) => new Date(due + ms).toISOString()
  const scheduled: Line = { id: 'scheduled', at: at(-3 * 86_400_000), words: 'Scheduled', tone: 'done' }
  if (post.forecast) return [scheduled, { id: 'risk', at: at(-2 * 86_400_000), words: 'A look ahead: it will not go out as things are', detail: post.forecast.message, tone: 'warn' }]
  if (post.status !== 'posted') return [scheduled]
  return [
    scheduled,
    { id: 'staging', at: at(-240_000), words: 'Uploading to TikTok', tone: 'done' },
    { id: 'staged', at: at(-215_000), words: 'All but the last bytes are there; they wait for the time', tone: 'done' },
    { id: 'sent', at: at(14), words: 'Sent. TikTok has all of it', detail: 'On the second', tone: 'done', exact: true },
    { id: 'posted', at: at(9_000), words: 'Posted: TikTok confirmed it', tone: 'good' },
  ]
}
