import type { Account, Creator, Media, Post, Schemas } from '../api/client.ts'
import { queryClient } from '../api/queries.ts'

// What the components are shown with. Answers are put where the server's would be, so nothing is asked for.

const soon = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString()

export const account = (id: string, name: string): Account => ({
  id, name, handle: id, platform: 'tiktok', status: 'active', scopes: [], missing_scopes: [], limits: { scheduled: 0, scheduled_limit: 500, sent_24h: 0 }, connected_at: '2026-11-01T10:00:00Z',
})

export const creator: Creator = {
  handle: 'mara.moves', nickname: 'Mara Lindqvist', privacy_options: ['PUBLIC_TO_EVERYONE', 'MUTUAL_FOLLOW_FRIENDS', 'SELF_ONLY'],
  comment_disabled: false, duet_disabled: false, stitch_disabled: false, max_video_seconds: 600, declarations: [],
}

export function post(more: Partial<Post> = {}): Post {
  return {
    id: `post_${Math.random().toString(36).slice(2)}`, account_id: 'mara.moves', caption: 'Low tide at dawn #nature', created_at: soon(-48), created_by: 'usr_mara', updated_at: soon(-24),
    due: { local: soon(26).slice(0, 19), zone: 'UTC' }, due_at: soon(26), late_window: '6h0m0s', media: [], media_ids: [], options: { tiktok: answered }, platform_ids: [], label_ids: [], status: 'queued', version: 1, ...more,
  }
}

const answered: Schemas['TikTokOptions'] = {
  privacy_level: 'PUBLIC_TO_EVERYONE', allow_comment: true, allow_duet: false, allow_stitch: false, your_brand: false, branded_content: false, ai_generated: true,
  consent: true, auto_music: false, cover_ms: 0, photo_cover_index: 0,
}

function media(id: string, more: Partial<Media>): Media {
  const made: Media = { id, kind: 'photo', status: 'ready', file_name: `${id}.jpg`, size: 2_400_000, facts: { width: 1080, height: 1440 }, usable: true, problems: [], removed: [], tags: [], use: { posts: 0, waiting: 0, posted: 0 }, uploaded_by: 'usr_mara', created_at: soon(-2), ...more }
  queryClient.setQueryData(['file', id], made)
  return made
}

const turned = '9b74c9897bac770ffc029102a200c5de9f3c1c4b0d3b3c6f0c1d0a5a3c9b1e77'
const tooLarge: Schemas['Problem'] = { code: 'photo_too_large', message: 'It is larger than TikTok allows (24 MB, limit 20 MB).', severity: 'block' }
const tooWide: Schemas['Problem'] = { code: 'picture_size', message: 'It is 8192 pixels wide; TikTok takes at most 4096.', severity: 'block', remedy: 'convert' }
const recipe: Schemas['Recipe'] = { width: 4096, height: 2160, frame_rate: 29.97, length_ms: 14_000, changes: ['Made smaller, from 8192 × 4320', 'Brought to 29.97 frames a second'] }

const rule = (kind: string, about: string, more: Partial<Schemas['Rule']>): Schemas['Rule'] => ({ code: about, kind, about, severity: 'block', source: 'platform', fixable: false, ...more })

/** The limits of an account, as the server tells them. */
export const rules = [
  rule('video', 'container', { one_of: ['mp4', 'mov', 'webm'] }), rule('video', 'size', { min: 1, max: 4_294_967_296, unit: 'bytes' }), rule('video', 'caption', { max: 2200, unit: 'utf16' }),
  rule('photo', 'count', { min: 1, max: 35, unit: 'files' }), rule('photo', 'caption', { max: 4000, unit: 'utf16' }), rule('photo', 'title', { max: 90, unit: 'utf16' }),
]

/** Photos in each of their states, by id. */
export const photos = [
  media('dunes', {}), media('shells', { sha256: turned, removed: ['location'], problems: [{ code: 'photo_rewritten', severity: 'warn', message: 'The photo was turned upright by 90° and saved anew as JPEG, without hidden data.' }] }), media('harbour', { status: 'checking', usable: false }),
  media('storm', { status: 'rejected', usable: false, problems: [tooLarge] }), media('pier', { status: 'receiving', usable: false }),
].map((m) => m.id)

/** Videos that do not fit, with what can be done and what was: nothing can, nothing was, going on, failed, there is a version, and that version. */
export const unfit = (['hopeless', 'wide', 'going', 'broken', 'done', 'made'] as const).map((id) => {
  media(id, { kind: 'video', file_name: `${id}.mp4`, size: 79_000_000, facts: { width: 8192, height: 4320, duration_ms: 14_000 }, original_id: id === 'made' ? 'done' : undefined })
  const conversion = (status: Schemas['Conversion']['status'], more: Partial<Schemas['Conversion']> = {}): Schemas['Conversion'] => ({ id: `cnv_${id}`, original_id: id, created_at: soon(-1), updated_at: soon(-1), percent: 0, recipe, status, ...more })
  const made = {
    hopeless: [], wide: [], going: [conversion('running', { percent: 42 })], broken: [conversion('failed', { failure: { code: 'x', message: 'The file ends in the middle of a picture.' } })],
    done: [conversion('done', { percent: 100, result_id: 'made' })], made: [],
  }[id]
  queryClient.setQueryData(['media', id, 'conversions'], { items: made })
  const fit: Schemas['Fit'] = { media_id: id, fits: id === 'made', problems: id === 'made' ? [] : [tooWide], recipe: id === 'hopeless' ? undefined : recipe }
  return { id, fit }
})

/** Files as the library shows them: used, new, on their way, and refused. */
export const library: Media[] = [
  media('low-tide', { kind: 'video', file_name: 'low-tide.mp4', size: 79_000_000, facts: { width: 1080, height: 1920, duration_ms: 14_000 }, tags: ['beach', 'spring', 'sea'], use: { posts: 2, waiting: 1, posted: 1 } }),
  media('market', { tags: ['town'] }), media('arriving', { status: 'receiving', usable: false }),
  media('refused', { status: 'rejected', usable: false, problems: [tooLarge] }),
]

const checked = soon(-1)
/** A post that waits under each light. */
export const forecasts: Schemas['Forecast'][] = [
  { light: 'green', checked_at: checked, problems: [] },
  { light: 'yellow', checked_at: checked, problems: [{ code: 'duets_off', message: 'The creator forbids duets by now; it goes out without.', severity: 'warn' }] },
  { light: 'red', checked_at: checked, remedy: 'reschedule', problems: [{ code: 'daily_cap', message: 'TikTok takes fifteen posts a day, and this is the sixteenth.', severity: 'block' }, tooWide] },
]

/** A post that was agreed to twice, by two people. */
export const agreedTwice = post({ id: 'post_agreed', media_ids: ['shells', 'dunes'], media: [{ id: 'shells', kind: 'photo', status: 'ready' }, { id: 'dunes', kind: 'photo', status: 'ready' }] })
const consent = (id: string, user_name: string, caption: string): Schemas['Consent'] => ({
  id, account_id: 'mara.moves', at: soon(-3), caption, nickname: 'Mara Lindqvist', user_id: user_name, user_name, post_version: 1, options: { tiktok: answered },
  media_sha256: [turned, '3f79bb7b435b05321651daefd374cdc681dc06faa65e374e38337b88ca046dea'],
  declaration: { version: 'music-2026', text: "By posting, you agree to TikTok's Music Usage Confirmation", links: [{ words: 'Music Usage Confirmation', url: 'https://www.tiktok.com/legal/page/global/music-usage-confirmation/en' }] },
})
queryClient.setQueryData(['post', agreedTwice.id, 'consents'], { items: [consent('con_1', 'Mara Lindqvist', 'Low tide'), consent('con_2', '', agreedTwice.caption)] })

queryClient.setQueryData(['posts', { status: ['draft'], limit: 60 }], { items: [post({ status: 'draft', due: undefined, due_at: undefined, caption: 'Ideas for the market day' })] })
queryClient.setQueryData(['media', { status: 'ready', unused: true, limit: 60 }], { items: [media('unused', { file_name: 'harbour-at-night.jpg' })] })
