import type { Schemas } from '../api/client.ts'
import type { Composition } from './composition.svelte.ts'

/**
 * Begins a post with a template, and returns what takes that back. What TikTok wants a creator to choose for each post is in no template,
 * and stays as it is.
 */
export function fill(to: Pick<Composition, 'caption' | 'labels' | 'answers' | 'label'>, t: Pick<Schemas['Template'], 'caption' | 'label_ids' | 'title' | 'auto_music' | 'to_inbox'>): () => void {
  const put = (v: { caption: string; labels: string[]; title: string; music: boolean; toInbox: boolean }) => {
    to.caption = v.caption
    Object.assign(to.answers, { title: v.title, music: v.music, toInbox: v.toInbox })
    void to.label(v.labels)
  }
  const before = { caption: to.caption, labels: [...to.labels], title: to.answers.title, music: to.answers.music, toInbox: to.answers.toInbox }
  put({ caption: t.caption, labels: [...new Set([...to.labels, ...t.label_ids])], title: t.title, music: t.auto_music, toInbox: t.to_inbox })
  return () => put(before)
}
