import type { PostStatus } from '../api/client.ts'
import type { Spot } from '../compose/position.svelte.ts'
import type { Answers, MediaKind } from '../panels/tiktok/answers.ts'

/** What a real screen shows at this moment, as far as TikTok's audit looks at it. */
export interface Seen {
  screen: 'compose' | 'post'
  /** What a phone shows of it: one step after the other. */
  part?: string
  /** TikTok answered about this creator since the page opened. */
  asked?: boolean
  /** The creator's name, as TikTok answered. */
  nickname?: string
  /** The screen says why the creator cannot post now. */
  blocked?: boolean
  /** Something is switched off by the creator and is grey. */
  forbidden?: boolean
  /** Who TikTok lets this creator show a post to. */
  options?: string[]
  kind?: MediaKind
  files?: number
  durationMs?: number
  limitMs?: number
  caption?: string
  answers?: Answers
  /** The draft is kept, and nothing was sent. */
  kept?: boolean
  status?: PostStatus
}

/** A line of TikTok's checklist: what its reviewers look for, and what to do so that they see it. */
export interface Item {
  id: string
  title: string
  how: string
  at?: Spot
  /** Whether the screen has shown it. `before` remembers what was seen since the item began. */
  shown: (s: Seen, before: Set<string>) => boolean
  /** Whether a reviewer can read it there, as the page has it once it is drawn. */
  readable?: (part: HTMLElement, s: Seen) => boolean
}

export interface Point {
  words: string
  items: Item[]
}

const composing = (s: Seen): s is Seen & { answers: Answers } => s.screen === 'compose' && s.answers !== undefined
const words = (part: HTMLElement): string => part.innerText.replaceAll(/\s+/g, ' ')
const combination = (a: Answers) => (a.disclose ? `${a.yourBrand ? 'own' : ''}${a.branded ? 'branded' : ''}` || 'none' : 'off')

/** TikTok's Content Sharing Guidelines, points 1 to 5, in the order in which the audit walks through them. */
export const points: Point[] = [
  {
    words: 'The creator',
    items: [
      {
        id: '1.1', title: 'The creator is shown, asked anew', at: 'tiktok-account',
        how: 'Open a new post. Nickname, picture and handle come from TikTok each time the page opens.',
        shown: (s) => composing(s) && s.asked === true,
        readable: (part, s) => words(part).includes(s.nickname ?? '\u0000') && part.querySelector('img, [class*=avatar]') !== null,
      },
      {
        id: '1.2', title: 'A creator who cannot post is stopped', at: 'tiktok-account',
        how: 'Choose an account that has reached its limit or is banned. The reason is shown and nothing can be posted. In the demo: Daily Dose.',
        shown: (s) => s.blocked === true,
      },
      {
        id: '1.3', title: 'The length is held against this creator’s limit', at: 'compose-media',
        how: 'Choose a video. One that is longer than this creator may post is refused here, before anything is sent.',
        shown: (s) => s.kind === 'video' && (s.files ?? 0) > 0 && s.durationMs !== undefined && s.limitMs !== undefined,
      },
    ],
  },
  {
    words: 'What is posted',
    items: [
      { id: '2.1', title: 'The caption can be edited', at: 'compose-caption', how: 'Write a caption, and change it.', shown: (s) => composing(s) && (s.caption ?? '') !== '' },
      {
        id: '2.2', title: 'Privacy: the creator’s own options, none chosen', at: 'tiktok-privacy',
        how: 'Open the list. Nothing is chosen beforehand. Then choose one.',
        shown: (s, before) => {
          if (composing(s) && s.answers.privacy === '') before.add('nothing')
          return composing(s) && before.has('nothing') && s.answers.privacy !== ''
        },
      },
      {
        id: '2.3', title: 'Comment, Duet and Stitch are off until they are switched on', at: 'tiktok-interactions',
        how: 'All three are off. Switch one on. What a creator forbids at TikTok is grey and says why; photos ask for comments alone.',
        shown: (s, before) => {
          if (!composing(s)) return false
          const on = s.answers.comment || s.answers.duet || s.answers.stitch
          if (!on) before.add('off')
          return before.has('off') && (on || s.forbidden === true)
        },
      },
      {
        id: '2.4', title: 'The declaration stands directly above the button', at: 'declaration',
        how: 'It is there from the beginning, with or without disclosure.', shown: (s) => composing(s) && s.asked === true,
        readable: (part) => words(part).includes("By posting, you agree to TikTok's Music Usage Confirmation") && part.nextElementSibling?.matches('button, a') === true,
      },
    ],
  },
  {
    words: 'Commercial content',
    items: [
      { id: '3.1', title: 'Disclosure is off, and opens two boxes', at: 'tiktok-disclosure', how: 'Switch on “Disclose post content”.', shown: (s) => composing(s) && s.answers.disclose },
      {
        id: '3.2', title: 'Nothing indicated, nothing posted', at: 'tiktok-disclosure',
        how: 'Leave both boxes empty and point at the button: it is off and says why.',
        shown: (s) => composing(s) && combination(s.answers) === 'none',
        readable: (part) => words(part).includes('You need to indicate if your content promotes yourself, a third party, or both.'),
      },
      {
        id: '3.3', title: 'Each combination has its label', at: 'tiktok-disclosure',
        how: 'Tick “Your brand”, then both, then “Branded content” alone. The label and the declaration follow.',
        shown: (s, before) => {
          if (composing(s)) before.add(combination(s.answers))
          return before.has('own') && before.has('branded') && before.has('ownbranded')
        },
        readable: (part) => words(part).includes('will be labeled as'),
      },
      {
        id: '3.4', title: 'Branded content is never private', at: 'tiktok-privacy',
        how: 'With “Branded content” ticked, “Only you” cannot be chosen; with “Only you”, “Branded content” is grey. Both say why.',
        shown: (s) => composing(s) && s.answers.disclose && (s.answers.branded || s.answers.privacy === 'SELF_ONLY'),
      },
    ],
  },
  {
    words: 'What the creator agrees to',
    items: [
      {
        id: '4.1', title: 'The declaration follows, with links to both policies', at: 'declaration',
        how: 'Tick “Branded content”: the Branded Content Policy joins the Music Usage Confirmation.',
        shown: (s) => composing(s) && s.answers.disclose && s.answers.branded,
        readable: (part) => ['bc-policy', 'music-usage-confirmation'].every((to) => part.querySelector(`a[href*="${to}"]`) !== null),
      },
    ],
  },
  {
    words: 'Awareness and control',
    items: [
      {
        id: '5.1', title: 'A preview of exactly what is sent', at: 'preview',
        how: 'The phone shows the file itself, the caption, the cover and TikTok’s label.',
        shown: (s) => composing(s) && (s.files ?? 0) > 0 && (s.caption ?? '') !== '',
        readable: (part, s) => words(part).includes((s.caption ?? '').trim().split(/\s+/)[0] ?? ''),
      },
      {
        id: '5.2', title: 'Nothing is added', at: 'compose-caption',
        how: 'No watermark, no link, no hashtag of ours. What stands in the caption is what goes out.',
        shown: (s) => composing(s) && (s.caption ?? '') !== '',
      },
      {
        id: '5.3', title: 'Nothing leaves before the creator agrees', at: 'declaration',
        how: 'The draft is kept here. TikTok hears of it only after the button is pressed.', shown: (s) => composing(s) && s.kept === true,
      },
      {
        id: '5.4', title: 'Told that it takes a few minutes', at: 'processing',
        how: 'The notice stands below the button.',
        shown: (s) => composing(s) && s.asked === true,
        readable: (part) => /few minutes/i.test(words(part)),
      },
      {
        id: '5.5', title: 'The outcome is shown',
        how: 'Choose “Now” and post. The page of the post follows until TikTok has confirmed it, and leads to it.',
        shown: (s) => s.screen === 'post' && (s.status === 'posted' || s.status === 'failed'),
      },
      {
        id: '5.6', title: 'Drafts are finished in the TikTok inbox', at: 'tiktok-way',
        how: 'Where drafts are enabled: open a new post and choose the inbox. It says what to do in the TikTok app.',
        shown: (s) => (composing(s) && s.answers.toInbox) || s.status === 'in_inbox',
      },
    ],
  },
]

export const items: Item[] = points.flatMap((p) => p.items)
