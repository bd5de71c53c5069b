import type { Post } from '../api/client.ts'

/** Where the picture of a post's first file is; none when the file has none yet. */
export function posterOf(post: Post): string | undefined {
  return post.media[0]?.poster_url
}

/** How long the post's video is, in milliseconds. */
export function lengthOf(post: Post): number | undefined {
  return post.media[0]?.duration_ms
}
