import type { Creator, Media, Problem, Schemas } from '../api/client.ts'
import { privacyWhyNot, type MediaKind } from '../panels/tiktok/answers.ts'
import type { Composition } from './composition.svelte.ts'
import { dueOf } from './when.ts'

/** A part of the screen that somebody can be led to; also the element's id. */
export type Place =
  | 'compose-media' | 'compose-title' | 'compose-caption' | 'compose-when' | 'tiktok-account' | 'tiktok-way' | 'tiktok-privacy' | 'tiktok-interactions' | 'tiktok-disclosure' | 'tiktok-cover'

/** Something that stands between the post and its button. */
export interface Need {
  words: string
  at: Place
}

const fields: [RegExp, Place][] = [
  [/^media/, 'compose-media'],
  [/\.title$/, 'compose-title'],
  [/^caption/, 'compose-caption'],
  [/^account/, 'tiktok-account'],
  [/to_inbox$/, 'tiktok-way'],
  [/privacy_level$/, 'tiktok-privacy'],
  [/(your_brand|branded_content)$/, 'tiktok-disclosure'],
  [/allow_\w+$/, 'tiktok-interactions'],
  [/cover_ms$/, 'tiktok-cover'],
  [/photo_cover_index$/, 'compose-media'],
  [/^(due|late_window)/, 'compose-when'],
]

/** Where on the screen a problem belongs. */
export function placeOf(field: string | undefined): Place | undefined {
  return fields.find(([pattern]) => pattern.test(field ?? ''))?.[1]
}

// These only say again what the screen knows better.
const known = new Set(['media_missing', 'media_not_ready', 'privacy_missing', 'consent_missing', 'account_required'])

/** The problems the server found that belong to a place. */
export function problemsAt(problems: Problem[], at: Place): Problem[] {
  return problems.filter((p) => placeOf(p.field) === at && !known.has(p.code))
}

/**
 * What the server found wrong with the files and no file says itself. What was done to photos is said with them, what keeps a video from
 * fitting with the offer to make it fit, and what several files have in common once.
 */
export function mediaProblems(c: { kind: MediaKind; pieces: { kind: MediaKind; media?: Media }[]; fits: Schemas['Fit'][]; problems: Problem[] }): Problem[] {
  const photos = c.pieces.filter((p) => p.kind === 'photo').flatMap((p) => p.media?.problems ?? [])
  const videos = c.kind === 'video' ? c.fits.filter((f) => !f.fits).flatMap((f) => f.problems) : []
  const said = new Set([...photos, ...videos].map((p) => p.message))
  const list = problemsAt(c.problems, 'compose-media').filter((p) => !p.post_id)
  return list.filter((p, i) => !said.has(p.message) && list.findIndex((q) => q.message === p.message) === i)
}

/** Everything that is missing, in the order of the screen. `blocked` is why the creator cannot post. */
export function needs(c: Composition, creator: Creator | undefined, blocked: string | undefined): Need[] {
  const list: Need[] = []
  const need = (at: Place, words: string) => list.push({ at, words })
  media(c, need)
  if (!c.account) need('tiktok-account', 'Choose an account')
  else if (blocked) need('tiktok-account', 'Look at the account')
  else if (!creator) need('tiktok-account', 'Asking TikTok about this account')
  if (c.answers.toInbox) {
    if (creator?.inbox && !creator.inbox.granted) need('tiktok-way', 'Allow drafts first')
  } else if (!c.answers.privacy || (creator && !creator.privacy_options.includes(c.answers.privacy))) need('tiktok-privacy', 'Choose who can see it')
  else if (privacyWhyNot(c.answers.privacy, c.answers)) need('tiktok-privacy', 'Choose who can see it')
  if (!c.answers.toInbox && c.answers.disclose && !c.answers.yourBrand && !c.answers.branded) need('tiktok-disclosure', 'Say what it promotes')
  for (const p of c.problems) {
    const at = placeOf(p.field)
    if (p.severity === 'block' && at && !known.has(p.code) && !list.some((n) => n.at === at)) need(at, special[p.code] ?? (p.remedy === 'convert' ? 'Make the video fit' : fix[at]))
  }
  if (c.when.mode === 'at' && !dueOf(c.when)) need('compose-when', 'Choose a time')
  return list.sort((a, b) => order.indexOf(a.at) - order.indexOf(b.at))
}

// What no change of the post helps with.
const special: Record<string, string> = { photos_need_public_address: 'Photos cannot go out from here' }

// In the order of the screen.
const fix: Record<Place, string> = {
  'compose-media': 'Choose another file',
  'compose-title': 'Look at the title',
  'compose-caption': 'Look at the caption',
  'tiktok-account': 'Look at the account',
  'tiktok-way': 'Choose another way',
  'tiktok-privacy': 'Choose who can see it',
  'tiktok-interactions': 'Look at what others may do',
  'tiktok-disclosure': 'Look at the disclosure',
  'tiktok-cover': 'Choose another cover',
  'compose-when': 'Choose another time',
}

const order = Object.keys(fix)

function media(c: Composition, need: (at: Place, words: string) => void): void {
  if (c.pieces.length === 0) return need('compose-media', 'Add a video')
  const way = c.pieces.find((p) => p.transfer && p.transfer.state !== 'arrived')?.transfer
  if (way?.state === 'failed') need('compose-media', 'The upload stopped')
  else if (way?.state === 'paused') need('compose-media', 'The upload is paused')
  else if (way) need('compose-media', `Uploading: ${Math.floor(way.progress * 100)} %`)
  else if (c.pieces.some((p) => p.stranded)) need('compose-media', 'Choose the file again')
  else if (c.converting !== undefined) need('compose-media', `Making it fit: ${c.converting} %`)
  else if (c.pieces.some((p) => p.media?.status === 'rejected')) need('compose-media', 'Choose another file')
  else if (c.pieces.some((p) => !p.media || p.media.status !== 'ready')) need('compose-media', 'Checking the file')
}
