import type { Schemas } from '../api/client.ts'
import { privacyWords } from '../words/status.ts'

type Version = Schemas['PostVersion']

/** What one change of a post changed, in words; `before` is what it was, undefined for the first. */
export function changesOf(v: Version, before: Version | undefined): string[] {
  if (!before) return ['Written']
  const words: string[] = []
  const a = before.options.tiktok
  const b = v.options.tiktok
  if (before.status !== v.status && v.status === 'queued') words.push('Scheduled')
  if (before.caption !== v.caption) words.push('Caption')
  if (before.media_ids.join() !== v.media_ids.join()) words.push(before.media_ids.length > 1 || v.media_ids.length > 1 ? 'Files' : 'File')
  if (before.due?.local !== v.due?.local || before.due?.zone !== v.due?.zone || before.due?.fold !== v.due?.fold) words.push('Time')
  if (a?.privacy_level !== b?.privacy_level) words.push(`Who can see it: ${privacyWords[b?.privacy_level ?? ''] ?? 'not chosen'}`)
  const rest = (o: typeof a) => JSON.stringify([o?.allow_comment ?? false, o?.allow_duet ?? false, o?.allow_stitch ?? false, o?.your_brand ?? false, o?.branded_content ?? false, o?.ai_generated ?? false, o?.to_inbox ?? false, o?.title ?? '', o?.auto_music ?? false, o?.cover_ms ?? 0, o?.photo_cover_index ?? 0])
  if (rest(a) !== rest(b)) words.push('Choices for TikTok')
  return words.length > 0 ? words : ['Saved']
}
