/** Where a text goes: at the caret, in the place of what is selected, with a space around it where words would run together. */
export function inserted(value: string, text: string, from: number, to: number): { value: string; caret: number } {
  const before = value.slice(0, from)
  const after = value.slice(to)
  const gap = (side: string) => (side !== '' && !/\s$/.test(side) ? ' ' : '')
  const piece = gap(before) + text + (after !== '' && !/^\s/.test(after) ? ' ' : '')
  return { value: before + piece + after, caret: before.length + piece.length }
}

/** The hashtags of a caption, in order, each once. */
export function hashtagsOf(caption: string): string {
  return [...new Set(caption.match(/#[\p{L}\p{N}\p{M}_]+/gu) ?? [])].join(' ')
}
