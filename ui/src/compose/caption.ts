/** A stretch of a caption as TikTok reads it. */
export interface Stretch {
  text: string
  kind: 'words' | 'tag' | 'mention'
}

// TikTok knows a hashtag or a mention by the space before and after it.
const marks = /(?<=^|\s)(#[\p{L}\p{M}\p{N}_]+|@[\p{L}\p{N}_.]+)(?=\s|$)/gu

/** Cuts a caption into words, hashtags and mentions. Put together again it is the same text. */
export function stretches(caption: string): Stretch[] {
  const parts: Stretch[] = []
  let at = 0
  for (const found of caption.matchAll(marks)) {
    if (found.index > at) parts.push({ text: caption.slice(at, found.index), kind: 'words' })
    parts.push({ text: found[0], kind: found[0].startsWith('#') ? 'tag' : 'mention' })
    at = found.index + found[0].length
  }
  if (at < caption.length) parts.push({ text: caption.slice(at), kind: 'words' })
  return parts
}

const glued = /(?<=[^\s#@])[#@][\p{L}\p{N}_][\p{L}\p{M}\p{N}_.]*|(?<=^|\s)#[\p{L}\p{M}\p{N}_]+(?=[^\s\p{L}\p{M}\p{N}_])/u

/** The first thing that looks like a hashtag but lacks the space that makes it one; e-mail addresses are left alone. */
export function unread(caption: string): string | undefined {
  const found = glued.exec(caption)
  if (!found) return undefined
  return found[0].startsWith('@') ? undefined : found[0]
}
