import type { MediaKind } from '../panels/tiktok/answers.ts'
import { kindOf, refusal } from '../upload/accepts.ts'

/** What of newly chosen files a post takes, and why the rest is left out. */
export interface Together<T> {
  take: T[]
  /** Files of the other kind, which can be had instead of those that are here. */
  instead: T[]
  /** One sentence, or '' when everything was taken. */
  words: string
}

/** The files that may be what they say, and in a sentence each what is left out before it is sent anywhere. */
export function usable<T extends { name: string; type: string; size: number }>(files: T[]): { files: T[]; words: string[] } {
  const words: string[] = []
  const empty = files.filter((f) => f.size === 0)
  if (empty.length > 0) words.push(empty.length === 1 ? 'An empty file was left out.' : `${empty.length} empty files were left out.`)
  const other = files.filter((f) => f.size > 0 && refusal(f) !== '')
  if (other.length === 1) words.push(`${other[0]!.name} was left out: it is no video or photo that TikTok takes.`)
  else if (other.length > 1) words.push(`${other.length} files were left out: they are no videos or photos that TikTok takes.`)
  return { files: files.filter((f) => refusal(f) === ''), words }
}

/**
 * Decides which files a post takes: one video or so many photos, never both. What is here already decides, else the first file does.
 * While the most photos are not known all are taken, and the server says when they are too many.
 */
export function together<T extends { name: string; type: string }>(files: T[], present: { kind: MediaKind; count: number } | undefined, mostPhotos = Infinity): Together<T> {
  const first = files[0]
  if (!first) return { take: [], instead: [], words: '' }
  const kind = present?.kind ?? kindOf(first)
  const same = files.filter((f) => kindOf(f) === kind)
  const instead = files.filter((f) => kindOf(f) !== kind)
  const room = kind === 'photo' ? mostPhotos - (present?.count ?? 0) : 1
  const take = same.slice(0, Math.max(0, room))
  if (instead.length > 0) {
    const left = named(instead, kind === 'photo' ? 'video' : 'photo')
    return { take, instead, words: `A TikTok post has one video or photos, never both: ${left} left out.` }
  }
  if (take.length === same.length) return { take, instead, words: '' }
  const left = same.slice(Math.max(0, room))
  return kind === 'photo'
    ? { take, instead, words: `A TikTok post has at most ${mostPhotos} photos: ${named(left, kind)} left out.` }
    : { take, instead, words: `A TikTok post has one video: ${named(left, kind)} left out.` }
}

function named(files: { name: string }[], kind: MediaKind): string {
  return files.length === 1 ? `${files[0]!.name} was` : `${files.length} ${kind}s were`
}
