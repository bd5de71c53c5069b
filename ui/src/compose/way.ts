import type { Post } from '../api/client.ts'

/** How a post is saved: a draft by itself, a scheduled one when the person says so, an ended one by being scheduled anew; or not at all. */
export type Way = 'draft' | 'change' | 'retry' | 'closed'

/** What can become of a post in its state. Once its last bytes leave nothing can be changed any more. */
export function wayOf(post: Pick<Post, 'status' | 'phase'> | undefined): Way {
  switch (post?.status) {
    case undefined:
    case 'draft':
      return 'draft'
    case 'queued':
      return 'change'
    case 'publishing':
      return post.phase === 'committing' || post.phase === 'processing' || post.phase === 'stopping' ? 'closed' : 'change'
    case 'failed':
    case 'missed':
      return 'retry'
    default:
      return 'closed'
  }
}
