import { answer, api, Refusal, type Post, type Schemas } from '../api/client.ts'
import { forget } from './unsaved.ts'

/** Makes drafts on the server, the same one again after a lost answer, so that there are never two. */
export class Making {
  #under: { key: string; json: string; body: Schemas['NewPost'] } | undefined
  readonly #localId: string

  constructor(localId: string) {
    this.#localId = localId
  }

  /** Resolves to the draft and to what it was made of, which may be older than what is on the screen. */
  async send(json: string, body: Schemas['NewPost']): Promise<{ post: Post; of: string; body: Schemas['NewPost'] }> {
    const made = (this.#under ??= { key: `${this.#localId}-${Date.now()}`, json, body })
    const post = await answer(api.POST('/posts', { params: { header: { 'Idempotency-Key': made.key } }, body: made.body })).catch((err: unknown) => {
      if (err instanceof Refusal) this.#under = undefined
      throw err
    })
    this.#under = undefined
    return { post, of: made.json, body: made.body }
  }
}

function upon(before: Post) {
  return { path: { id: before.id }, header: { 'If-Match': `"${before.version}"` } }
}

/** Changes a post, if it still is the version that was looked at. */
export function change(before: Post, body: Schemas['PostChange']): Promise<Post> {
  return answer(api.PATCH('/posts/{id}', { params: upon(before), body }))
}

/** Schedules an ended post again. */
export function retry(before: Post, body: Schemas['PostChange']): Promise<Post> {
  return answer(api.POST('/posts/{id}/retry', { params: upon(before), body }))
}

export function read(id: string): Promise<Post | undefined> {
  return answer(api.GET('/posts/{id}', { params: { path: { id } } })).catch(() => undefined)
}

/** After a lost answer: the post, if the server had taken it. */
export async function took(before: Post): Promise<Post | undefined> {
  const now = await read(before.id)
  return now && now.version === before.version + 1 && (now.status === 'queued' || now.status === 'publishing') ? now : undefined
}

/** A post belongs to its account for good; a draft that is meant for another one is written anew, and the old one goes. */
export function leave(before: Post | undefined): void {
  if (before?.status !== 'draft') return
  forget(before.id)
  // One that could not be deleted is seen among the drafts.
  void answer(api.DELETE('/posts/{id}', { params: { path: { id: before.id } } })).catch(() => undefined)
}
