import type { Schemas } from '../api/client.ts'
import { privacyWords } from '../words/status.ts'

/** What somebody answered to TikTok's questions, in words. */
export function agreed(t: Schemas['TikTokOptions'] | undefined): [string, string][] {
  if (!t) return []
  if (t.to_inbox) return [['How it goes out', 'As a draft to the TikTok inbox']]
  const others = [t.allow_comment && 'Comment', t.allow_duet && 'Duet', t.allow_stitch && 'Stitch'].filter(Boolean).join(', ')
  const brand = [t.your_brand && 'Your brand', t.branded_content && 'Branded content'].filter(Boolean).join(' and ')
  const label = t.branded_content ? 'Paid partnership' : t.your_brand ? 'Promotional content' : ''
  return [
    ['Who can see it', privacyWords[t.privacy_level ?? ''] ?? 'Not answered'],
    ['Others may', others || 'Only watch'],
    ['Disclosure', brand ? `${brand}, labeled “${label}”` : 'None'],
    ...(t.ai_generated ? ([['Label', 'AI-generated']] as [string, string][]) : []),
    ...(t.auto_music ? ([['Music', 'Chosen by TikTok']] as [string, string][]) : []),
  ]
}
