import type { Creator, Schemas } from '../../api/client.ts'

export type MediaKind = 'video' | 'photo'

/** What a creator answered to TikTok's questions. Nothing is chosen for them: no audience, and every switch is off. */
export interface Answers {
  /** As a draft to the creator's TikTok inbox, where all that follows is asked, and not to the profile. */
  toInbox: boolean
  privacy: string
  comment: boolean
  duet: boolean
  stitch: boolean
  /** The switch "Disclose post content"; what follows counts only while it is on. */
  disclose: boolean
  yourBrand: boolean
  branded: boolean
  ai: boolean
  coverMs: number
  /** Photos only: the one that is the cover, a headline of their own, and whether TikTok may add music. */
  coverIndex: number
  title: string
  music: boolean
}

export function unanswered(): Answers {
  return {
    toInbox: false, privacy: '', comment: false, duet: false, stitch: false, disclose: false, yourBrand: false, branded: false, ai: false, coverMs: 0,
    coverIndex: 0, title: '', music: false,
  }
}

/** The answers as the API takes them. What the creator has switched off at TikTok cannot be on; duet and stitch are not asked for photos. */
export function toOptions(a: Answers, kind: MediaKind, creator?: Creator): Schemas['TikTokAnswers'] {
  const video = kind === 'video'
  return {
    ...(a.privacy ? { privacy_level: a.privacy } : {}),
    allow_comment: a.comment && !creator?.comment_disabled,
    ...(video ? { allow_duet: a.duet && !creator?.duet_disabled, allow_stitch: a.stitch && !creator?.stitch_disabled } : {}),
    your_brand: a.disclose && a.yourBrand,
    branded_content: a.disclose && a.branded,
    ai_generated: a.ai,
    to_inbox: a.toInbox,
    ...(video ? { cover_ms: Math.round(a.coverMs) } : { photo_cover_index: a.coverIndex, title: a.title, auto_music: a.music }),
  }
}

export function fromOptions(o: Schemas['TikTokOptions'] | undefined): Answers {
  if (!o) return unanswered()
  return {
    toInbox: o.to_inbox ?? false,
    privacy: o.privacy_level ?? '',
    comment: o.allow_comment ?? false,
    duet: o.allow_duet ?? false,
    stitch: o.allow_stitch ?? false,
    disclose: Boolean(o.your_brand || o.branded_content),
    yourBrand: o.your_brand ?? false,
    branded: o.branded_content ?? false,
    ai: o.ai_generated,
    coverMs: o.cover_ms,
    coverIndex: o.photo_cover_index,
    title: o.title ?? '',
    music: o.auto_music,
  }
}

/** Who may see a post that says it is a paid partnership: TikTok allows the public and friends. */
export function brandedMay(privacy: string): boolean {
  return privacy === 'PUBLIC_TO_EVERYONE' || privacy === 'MUTUAL_FOLLOW_FRIENDS'
}

/** Why branded content cannot be chosen with this audience; undefined when it can. */
export function brandedWhyNot(privacy: string): string | undefined {
  if (privacy === 'SELF_ONLY') return 'Branded content visibility cannot be set to private.'
  if (privacy !== '' && !brandedMay(privacy)) return 'Branded content can be shown to everyone or to friends, not to followers only.'
  return undefined
}

/** Why an audience cannot be chosen while the post is branded content; undefined when it can. */
export function privacyWhyNot(privacy: string, a: Answers): string | undefined {
  return a.disclose && a.branded ? brandedWhyNot(privacy) : undefined
}

/** The label that TikTok will put on the post; undefined without one. The words are TikTok's. */
export function labelled(a: Answers, kind: MediaKind): string | undefined {
  if (!a.disclose || (!a.yourBrand && !a.branded)) return undefined
  const what = kind === 'photo' ? 'photo' : 'video'
  return `Your ${what} will be labeled as '${a.branded ? 'Paid partnership' : 'Promotional content'}'`
}

/** What viewers read on the post: what it promotes, or that it is only a draft; '' for nothing. */
export function signOf(a: Answers): string {
  if (a.toInbox) return 'Draft for the TikTok inbox'
  if (!a.disclose) return ''
  return a.branded ? 'Paid partnership' : a.yourBrand ? 'Promotional content' : ''
}

export const undecidedDisclosure = 'You need to indicate if your content promotes yourself, a third party, or both.'

/** Declarations come as the ordinary one and the one for branded content. */
export function declarationFor(a: Answers, creator: Creator | undefined): Schemas['Declaration'] | undefined {
  return creator?.declarations[a.disclose && a.branded ? 1 : 0]
}

/** A text cut where its links are. */
export function linked(d: Schemas['Declaration']): { text: string; url?: string }[] {
  const parts: { text: string; url?: string }[] = []
  let rest = d.text
  for (const link of d.links) {
    const at = rest.indexOf(link.words)
    if (at < 0) continue
    if (at > 0) parts.push({ text: rest.slice(0, at) })
    parts.push({ text: link.words, url: link.url })
    rest = rest.slice(at + link.words.length)
  }
  if (rest) parts.push({ text: rest })
  return parts
}
