import { answer, api, type Schemas } from '../api/client.ts'
import { uploadsQuery, queryClient } from '../api/queries.ts'

export type Unfinished = Schemas['Upload']

/** The unfinished upload of the same file, wherever it was begun: in a tab that was closed, or on another machine. */
export async function begunBefore(file: File, print: string): Promise<Unfinished | undefined> {
  const all = await answer(api.GET('/uploads')).catch(() => undefined)
  return all?.items.find((u) => u.size === file.size && u.received < u.size && u.fingerprint === print)
}

/** Gives up on one: what arrived is deleted at the server. */
export async function giveUp(u: Unfinished): Promise<void> {
  // It may be gone at the server already; then there is nothing to delete.
  await fetch(u.url, { method: 'DELETE', headers: { 'Tus-Resumable': '1.0.0' } }).catch(() => undefined)
  await queryClient.invalidateQueries({ queryKey: uploadsQuery().queryKey })
}
