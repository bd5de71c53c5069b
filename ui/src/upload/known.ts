import { answer, api, type Media } from '../api/client.ts'
import { digest } from './digest.ts'

/** Whether the workspace may have a file already. A few samples tell almost always that it has not. */
export async function maybeKnown(file: File, print: string): Promise<boolean> {
  return (await usable({ size: file.size, fingerprint: print })).length > 0
}

/** What of the workspace is byte for byte a file, which is read as a whole for it. */
export async function sameBytes(file: File, signal: AbortSignal): Promise<Media[]> {
  return usable({ size: file.size, sha256: await digest(file, signal) })
}

async function usable(query: { size: number; fingerprint?: string; sha256?: string }): Promise<Media[]> {
  return (await answer(api.GET('/media', { params: { query } }))).items.filter((m) => m.usable)
}
