import { expect, test } from 'vitest'
import { agreed } from './agreed.ts'

const none = { ai_generated: false, auto_music: false, consent: true, cover_ms: 0, photo_cover_index: 0 }

test.each([
  ['nothing asked', undefined, []],
  ['a draft', { ...none, to_inbox: true, privacy_level: 'SELF_ONLY' }, [['How it goes out', 'As a draft to the TikTok inbox']]],
  [
    'both brands', { ...none, privacy_level: 'PUBLIC_TO_EVERYONE', allow_comment: true, allow_duet: true, your_brand: true, branded_content: true, ai_generated: true },
    [['Who can see it', 'Everyone'], ['Others may', 'Comment, Duet'], ['Disclosure', 'Your brand and Branded content, labeled “Paid partnership”'], ['Label', 'AI-generated']],
  ],
  ['photos', { ...none, privacy_level: 'SELF_ONLY', auto_music: true }, [['Who can see it', 'Only you'], ['Others may', 'Only watch'], ['Disclosure', 'None'], ['Music', 'Chosen by TikTok']]],
])('%s', (_, options, want) => expect(agreed(options)).toEqual(want))
