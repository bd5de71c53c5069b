import createClient from 'openapi-fetch'
import type { components, paths } from './schema.gen.ts'
import { sessionEnded } from './session.svelte.ts'

/** The nouns of the API, as its own document describes them. */
export type Schemas = components['schemas']
export type Post = Schemas['Post']
export type PostStatus = Post['status']
export type Media = Schemas['Media']
export type Account = Schemas['Account']
export type Creator = Schemas['Creator']
export type Entry = Schemas['Entry']
export type Attempt = Schemas['Attempt']
export type Cause = Schemas['Cause']
export type Problem = Schemas['Problem']
export type Me = Schemas['Me']
export type Due = Schemas['Due']
export type SlotTime = Schemas['SlotTime']
export type FullDay = Schemas['FullDay']
export type CalendarDay = Schemas['CalendarDay']

/** What the API refused, as its problem document says it. `message` is a sentence for people. */
export class Refusal extends Error {
  readonly status: number
  readonly code: string
  readonly field?: string
  readonly remedy?: string
  readonly problems: Problem[]
  readonly choices: NonNullable<Problem['choices']>
  readonly requestId?: string

  constructor(status: number, body: Partial<Schemas['ProblemDocument']>) {
    super(body.detail ?? body.title ?? 'The server answered in a way this page does not understand. Reload the page.')
    this.status = status
    this.code = body.code ?? 'unreadable_answer'
    this.field = body.field
    this.remedy = body.remedy
    this.problems = body.problems ?? []
    this.choices = body.choices ?? []
    this.requestId = body.request_id
  }
}

/** The server did not answer at all. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super('ShipPost does not answer. Your connection may be down; nothing you wrote is lost.', { cause })
  }
}

/** How long an answer may take, in milliseconds. What changes something may wait for a platform. */
const patience = { read: 20_000, write: 90_000 }

/** Asks, and gives up at some time: a connection that broke without a word would keep a page waiting for ever. */
async function inTime(request: Request): Promise<Response> {
  const late = AbortSignal.timeout(request.method === 'GET' ? patience.read : patience.write)
  // A browser without `any` still hears that the page no longer wants the answer.
  const signal = 'any' in AbortSignal ? AbortSignal.any([request.signal, late]) : request.signal
  for (;;) {
    const got = await fetch(request.clone(), { signal })
    const seconds = pauseOf(got)
    if (seconds === undefined) return got
    await new Promise((over) => setTimeout(over, seconds * 1000))
  }
}

/**
 * How many seconds to wait before asking the same again, if that helps: many posts changed at once are more than a minute
 * allows, and nothing was done. Waits that a person would notice are theirs to decide on.
 */
export function pauseOf(got: Response): number | undefined {
  const seconds = Number(got.headers.get('Retry-After'))
  return got.status === 429 && seconds > 0 && seconds <= 5 ? seconds : undefined
}

export const api = createClient<paths>({
  baseUrl: '/api/v1',
  fetch: inTime,
  // The document is made for programs in any language; here an empty answer is read as nothing.
  headers: { Accept: 'application/json' },
  // Several values of one parameter are written with commas between them.
  querySerializer: { array: { style: 'form', explode: false } },
})

api.use({
  onResponse({ response }) {
    if (response.status === 401) sessionEnded()
  },
})

interface Answered<T> {
  data?: T
  error?: unknown
  response: Response
}

/** Waits for a call and returns its data, or throws a Refusal or Unreachable. */
export async function answer<T>(call: Promise<Answered<T>>): Promise<T> {
  let got: Answered<T>
  try {
    got = await call
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause
    throw new Unreachable(cause)
  }
  if (!got.response.ok) {
    throw new Refusal(got.response.status, typeof got.error === 'object' && got.error !== null ? got.error : {})
  }
  return got.data as T
}

/** What to tell a person about anything that was thrown. */
export function sentence(err: unknown): string {
  return err instanceof Error ? err.message : 'This did not work, and nothing was changed. Try it again.'
}
