import type { Post } from '../api/client.ts'

const memory = 'shippost.sample'
const prefix = 'sample_'

/**
 * A month that is planned already, for whoever looks at an empty calendar. It is on this screen alone: the server knows nothing of it,
 * so none of it can go out, and nothing is left of it once it is removed.
 */
export const sample = $state<{ posts: Post[]; shown?: Post }>({ posts: [] })

/** Whether a post is one of the sample's, of which nobody else knows. */
export function isSample(post: Pick<Post, 'id'>): boolean {
  return post.id.startsWith(prefix)
}

/** Shows the sample, around the day it was asked for. */
export async function showSample(around = new Date()): Promise<void> {
  const { postsAround } = await import('./posts.ts')
  sample.posts = postsAround(around, prefix)
  try {
    localStorage.setItem(memory, around.toISOString())
  } catch {
    // Then it is gone after the next load of the page.
  }
}

/** Shows it again, if it was not removed since. */
export function restoreSample(): void {
  try {
    const around = new Date(localStorage.getItem(memory) ?? '')
    if (sample.posts.length === 0 && !Number.isNaN(around.getTime())) void showSample(around).catch(() => undefined)
  } catch {
    // A browser that keeps nothing has nothing to show again.
  }
}

/** Removes all of it. */
export function removeSample(): void {
  sample.posts = []
  sample.shown = undefined
  try {
    localStorage.removeItem(memory)
  } catch {
    // Nothing was kept then.
  }
}
