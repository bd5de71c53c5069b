import type { Post, PostStatus } from '../api/client.ts'

/** How a state is shown: never by colour alone. */
export interface StatusLook {
  words: string
  /** A sentence that says what the state means. */
  meaning: string
  tone: 'quiet' | 'calm' | 'accent' | 'good' | 'warn' | 'bad'
}

const looks: Record<PostStatus, StatusLook> = {
  draft: { words: 'Draft', meaning: 'Not scheduled. Nothing happens until you choose a time.', tone: 'quiet' },
  queued: { words: 'Scheduled', meaning: 'Goes out by itself at its time.', tone: 'calm' },
  publishing: { words: 'Publishing', meaning: 'On its way to the platform.', tone: 'accent' },
  posted: { words: 'Posted', meaning: 'The platform confirmed it.', tone: 'good' },
  failed: { words: 'Failed', meaning: 'It did not go out. Nothing is visible on the platform.', tone: 'bad' },
  cancelled: { words: 'Cancelled', meaning: 'Stopped by a person. Nothing went out.', tone: 'quiet' },
  missed: { words: 'Missed', meaning: 'Its time passed and nothing was sent.', tone: 'warn' },
  in_inbox: { words: 'In your TikTok inbox', meaning: 'Finish it in the TikTok app.', tone: 'good' },
  unconfirmed: { words: 'Unconfirmed', meaning: 'Handed over, but the platform does not say whether it is out.', tone: 'warn' },
}

const phases: Record<NonNullable<Post['phase']>, Pick<StatusLook, 'words' | 'meaning'>> = {
  staging: { words: 'Uploading', meaning: 'The file travels ahead of time. Nothing is visible yet, and you can still cancel.' },
  staged: { words: 'Ready', meaning: 'All but the last bytes are there. They leave at the chosen time; you can still cancel.' },
  committing: { words: 'Sending', meaning: 'The last bytes are being handed over.' },
  processing: { words: 'TikTok is processing', meaning: 'TikTok has everything and is preparing the post. This can take a few minutes.' },
  stopping: { words: 'Stopping', meaning: 'TikTok was told to stop. It may be too late; what came of it will stand here.' },
}

/** What the look of a post depends on. */
export type Stand = Pick<Post, 'status' | 'phase' | 'hold'> & Partial<Pick<Post, 'forecast'>>

/** What to show for a post: its state, or how far it is while it is being published, or that it waits for something. */
export function lookOf(post: Stand): StatusLook {
  const look = looks[post.status]
  if (post.status === 'publishing' && post.phase) return { ...look, ...phases[post.phase] }
  if (post.status === 'queued' && post.hold) return { words: 'On hold', meaning: post.hold.message, tone: 'warn' }
  if (post.status === 'queued' && post.forecast?.light === 'red') {
    return { words: 'At risk', meaning: `As things are, this post will not go out. ${post.forecast.message ?? ''}`.trim(), tone: 'bad' }
  }
  if (post.status === 'queued' && post.forecast?.light === 'yellow') {
    return { words: 'With a warning', meaning: `It goes out. ${post.forecast.message ?? ''}`.trim(), tone: 'warn' }
  }
  return look
}

/** The states of a post, in the order of its life. */
export const statuses = Object.keys(looks) as PostStatus[]

export function statusWords(status: PostStatus): string {
  return looks[status].words
}

/** What TikTok calls who can see a post, in its own labels. */
export const privacyWords: Record<string, string> = {
  PUBLIC_TO_EVERYONE: 'Everyone',
  MUTUAL_FOLLOW_FRIENDS: 'Friends',
  FOLLOWER_OF_CREATOR: 'Followers',
  SELF_ONLY: 'Only you',
}
