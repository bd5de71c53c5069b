import { queryClient } from '../api/queries.ts'

/** Asks anew for whatever tells of files as a whole, and for some of them. */
export async function outdate(ids: readonly string[]): Promise<void> {
  const keys = [['library'], ['media'], ...ids.map((id) => ['file', id])]
  await Promise.all(keys.map((queryKey) => queryClient.invalidateQueries({ queryKey })))
}
