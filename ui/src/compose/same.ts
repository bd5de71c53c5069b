import type { Post } from '../api/client.ts'
import { fromOptions, toOptions, type Answers } from '../panels/tiktok/answers.ts'
import type { Unsaved } from './unsaved.ts'

/** Whatever can be answered, of whichever kind the files are. */
export function said(a: Answers) {
  return { ...toOptions(a, 'video'), ...toOptions(a, 'photo') }
}

/** The content of a post as text, to compare it with what is on a screen. */
export function jsonOf(post: Post): string {
  return JSON.stringify([post.account_id, post.media_ids, post.caption, said(fromOptions(post.options.tiktok)), post.group_id ?? ''])
}

export function sameAs(left: Unsaved, post: Post): boolean {
  return JSON.stringify([left.account, left.media, left.caption, said(left.answers), post.group_id ?? '']) === jsonOf(post)
}

/**
 * What to do about a version that is newer than the one that was written upon, by its `jsonOf`: go on from it, since it was sent from
 * here; take it, since nothing here differs from it or was touched; or have a person choose.
 */
export function meeting(theirs: string, mine: { sent: string; screen: string; touched: boolean }): 'go-on' | 'take' | 'choose' {
  if (mine.sent !== '' && theirs === mine.sent) return 'go-on'
  return mine.touched && theirs !== mine.screen ? 'choose' : 'take'
}
