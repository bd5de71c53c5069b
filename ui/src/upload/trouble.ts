/** What to do after an upload was interrupted. */
export type Trouble =
  | { kind: 'again'; afterMs: number; words: string }
  | { kind: 'signed-out' }
  | { kind: 'over'; words: string }

/** What is known of an answer that was not what we hoped for; without a status nothing answered at all. */
export interface Bad {
  status?: number
  retryAfter?: string
  body?: string
}

const longest = 15_000

/** Decides by what the server said, and how often it went wrong in a row without a byte getting through. */
export function troubleOf(bad: Bad, inARow: number): Trouble {
  const backoff = Math.min(longest, 500 * 2 ** inARow)
  const { status } = bad
  if (status === undefined || status === 0) return { kind: 'again', afterMs: backoff, words: 'The connection is down. It goes on by itself.' }
  if (status === 401) return { kind: 'signed-out' }
  const asked = Number(bad.retryAfter) * 1000
  if (asked > 0 && asked <= 60_000) return { kind: 'again', afterMs: Math.max(asked, backoff), words: detail(bad) ?? 'The server is busy. It goes on by itself.' }
  const passing = status >= 500 || status === 408 || status === 409 || status === 423
  if (passing && !(asked > 0)) return { kind: 'again', afterMs: backoff, words: 'The server does not take it at the moment. It goes on by itself.' }
  return { kind: 'over', words: detail(bad) ?? 'The server refused this file. Try it again, or choose another one.' }
}

function detail(bad: Bad): string | undefined {
  try {
    const body = JSON.parse(bad.body ?? '') as { detail?: unknown }
    return typeof body.detail === 'string' ? body.detail : undefined
  } catch {
    return undefined
  }
}
