import type { Media, Schemas } from '../api/client.ts'
import { privacyWords } from '../words/status.ts'
import { duration } from '../words/time.ts'

/**
 * What somebody answered to TikTok's questions, in words. What TikTok asks about photos, or about videos, is left out where kind
 * says that it is the other.
 */
export function agreed(t: Schemas['TikTokOptions'] | undefined, kind?: 'video' | 'photo'): [string, string][] {
  if (!t) return []
  const title: [string, string][] = kind !== 'video' && t.title ? [['Title', t.title]] : []
  const cover: [string, string][] = kind === 'photo' ? [['Cover', `Photo ${t.photo_cover_index + 1}`]] : kind === 'video' ? [['Cover', t.cover_ms > 0 ? `The frame at ${moment(t.cover_ms)}` : 'The first frame']] : []
  if (t.to_inbox) return [['How it goes out', 'As a draft to the TikTok inbox'], ...title, ...(kind === 'photo' ? cover : [])]
  const others = [t.allow_comment && 'Comment', kind !== 'photo' && t.allow_duet && 'Duet', kind !== 'photo' && t.allow_stitch && 'Stitch'].filter(Boolean).join(', ')
  const brand = [t.your_brand && 'Your brand', t.branded_content && 'Branded content'].filter(Boolean).join(' and ')
  const label = t.branded_content ? 'Paid partnership' : t.your_brand ? 'Promotional content' : ''
  return [
    ...title,
    ['Who can see it', privacyWords[t.privacy_level ?? ''] ?? 'Not answered'],
    ['Others may', others || 'Only watch'],
    ['Disclosure', brand ? `${brand}, labeled “${label}”` : 'None'],
    ...(t.ai_generated ? ([['Label', 'AI-generated']] as [string, string][]) : []),
    ...(t.auto_music ? ([['Music', 'Chosen by TikTok']] as [string, string][]) : []),
    ...cover,
  ]
}

/** A place in a video, to the tenth of a second that a cover is chosen by. */
const moment = (ms: number): string => `${duration(Math.floor(ms / 1000) * 1000)}${ms % 1000 < 100 ? '' : `.${Math.floor((ms % 1000) / 100)}`}`

/** A file that was agreed to. */
export interface AgreedFile {
  sha256: string
  /** As its owner called it; nothing where only its hash is left. */
  name: string
  /** Which one it is of several, and what was done to it before anybody agreed. */
  about: string[]
}

/** The files of a consent in the order in which they are sent; known are the files of the post as they are now. */
export function agreedFiles(hashes: string[], t: Schemas['TikTokOptions'] | undefined, known: Media[]): AgreedFile[] {
  return hashes.map((sha256, i) => {
    const m = known.find((k) => k.sha256 === sha256)
    const place = hashes.length > 1 ? [i === t?.photo_cover_index ? `Photo ${i + 1}, the cover` : `Photo ${i + 1}`] : []
    const size = m?.facts.width ? [`${m.facts.width} × ${m.facts.height}`] : []
    const done = [...(m?.problems.map((p) => p.message) ?? []), ...(m?.removed.length ? [`Taken out: ${m.removed.join(', ')}.`] : [])]
    return { sha256, name: m?.file_name ?? '', about: [[...place, ...size].join(' · '), ...done].filter(Boolean) }
  })
}
