import type { Media } from '../api/client.ts'

/** What was done to some of the photos so that they fit, in the server's words. */
export interface Change {
  words: string
  names: string[]
}

/** Everything that was done to the photos, each kind once with the names of those it was done to. */
export function changesOf(pieces: { name: string; media?: Media }[]): Change[] {
  const found = new Map<string, string[]>()
  for (const { name, media } of pieces) {
    if (media?.status !== 'ready') continue
    const said = media.problems.filter((p) => p.severity === 'warn').map((p) => p.message)
    if (media.removed.length > 0) said.push(`Taken out: ${media.removed.join(', ')}.`)
    for (const words of said) found.set(words, [...(found.get(words) ?? []), name])
  }
  return [...found].map(([words, names]) => ({ words, names }))
}
