import type { Media } from '../api/client.ts'
import { day } from '../words/time.ts'

/** How long a file stays, in a few words; '' while that cannot be told. */
export function stayWords(m: Pick<Media, 'stay'>): string {
  switch (m.stay?.why) {
    case 'always':
      return 'Kept always'
    case 'unposted':
      return 'Kept until you delete it'
    case 'needed':
      return 'Kept: a post needs it'
    case 'posted':
      return m.stay.until ? `Kept until ${day(new Date(m.stay.until))}` : ''
    default:
      return ''
  }
}

/** The same with its reason. */
export function stayReason(m: Pick<Media, 'stay'>): string {
  switch (m.stay?.why) {
    case 'always':
      return 'This workspace keeps all files.'
    case 'unposted':
      return 'No post with it was posted yet, so only you remove it.'
    case 'needed':
      return 'A post that is not over has it: planned, failed, or a draft.'
    case 'posted':
      return 'All its posts are over. It is removed within a day after that.'
    default:
      return ''
  }
}

/** Where a file is used, in a few words. */
export function useWords(m: Pick<Media, 'use'>): string {
  const { posts } = m.use
  return posts === 0 ? 'Not used' : posts === 1 ? 'In 1 post' : `In ${posts} posts`
}

/** "3 files" */
export function files(n: number): string {
  return n === 1 ? '1 file' : `${n} files`
}
