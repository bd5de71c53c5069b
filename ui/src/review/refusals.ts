import type { Seen } from './items.ts'

/** What a screen says about a usual refusal: it is clear, it would be refused, or this screen cannot tell. */
export type State = 'clear' | 'found'

/** A reason for which TikTok's reviewers usually refuse an app, and how it is measured on the real screens. */
export interface Refusal {
  id: string
  /** The refusal, in the reviewers' terms. */
  title: string
  /** How it is measured, and what to do so that it is. */
  how: string
  /** What to do when it was found. */
  mend: string
  measure: (s: Seen, page: ParentNode) => State | undefined
}

const asked = (s: Seen): boolean => s.screen === 'compose' && s.asked === true && s.answers !== undefined
const text = (page: ParentNode, at: string): string => (page.querySelector(at)?.textContent ?? '').replaceAll(/\s+/g, ' ').trim()
const of = (right: boolean): State => (right ? 'clear' : 'found')

/** The refusals that those who went through the audit tell of, each with its measure. */
export const refusals: Refusal[] = [
  {
    id: 'no-creator', title: 'The creator is not shown',
    how: 'Open a new post: the name that TikTok answered must stand above the questions.', mend: 'Show whose account it is, as TikTok says.',
    measure: (s, page) => (asked(s) && s.nickname ? of(text(page, '#tiktok-account').includes(s.nickname)) : undefined),
  },
  {
    id: 'default-privacy', title: 'A privacy setting is chosen beforehand',
    how: 'Open a new post and leave the list alone: it must be empty.', mend: 'Nothing may be chosen for the creator. Tell whoever builds this app.',
    measure: (s, page) => {
      const list = page.querySelector<HTMLSelectElement>('#tiktok-privacy select')
      // Once the creator has chosen, the list no longer tells what stood there before.
      return asked(s) && list && s.answers?.privacy === '' ? of(list.value === '') : undefined
    },
  },
  {
    id: 'fixed-privacy', title: 'The privacy list is the same for everybody',
    how: 'Open a new post: the list must have exactly what TikTok answered for this creator.', mend: 'The list must come from the creator’s own options.',
    measure: (s, page) => {
      const list = page.querySelector<HTMLSelectElement>('#tiktok-privacy select')
      if (!asked(s) || !list || !s.options) return undefined
      const shown = [...list.options].map((o) => o.value).filter((v) => v !== '' && (v !== s.answers?.privacy || s.options?.includes(v)))
      return of(shown.length === s.options.length && shown.every((v) => s.options?.includes(v)))
    },
  },
  {
    id: 'late-declaration', title: 'The declaration is shown only with disclosure',
    how: 'Open a new post without disclosure: the declaration must stand there.', mend: 'The declaration stands above the button from the beginning.',
    measure: (s, page) => (asked(s) && !s.answers?.toInbox && s.answers?.disclose === false ? of(text(page, '#declaration').includes('By posting, you agree to')) : undefined),
  },
  {
    id: 'own-wording', title: 'Own words instead of TikTok’s',
    how: 'Switch disclosure on and tick a box: label and declaration must be TikTok’s, word for word.', mend: 'Take the wording from TikTok’s guidelines, letter for letter.',
    measure: (s, page) => {
      const a = s.answers
      if (!asked(s) || !a?.disclose || a.toInbox || !(a.yourBrand || a.branded)) return undefined
      const label = `will be labeled as '${a.branded ? 'Paid partnership' : 'Promotional content'}'`
      const declared = a.branded ? "By posting, you agree to TikTok's Branded Content Policy and Music Usage Confirmation" : "By posting, you agree to TikTok's Music Usage Confirmation"
      return of(text(page, '#tiktok-disclosure').includes(label) && text(page, '#declaration').includes(declared))
    },
  },
  {
    id: 'photo-duet', title: 'Duet and Stitch are offered for photos',
    how: 'Choose photos: only comments may be asked about.', mend: 'Photos have no duet and no stitch.',
    measure: (s, page) => {
      if (!asked(s) || s.kind !== 'photo' || (s.files ?? 0) === 0) return undefined
      return of(!/duet|stitch/i.test(text(page, '#tiktok-interactions')))
    },
  },
  {
    id: 'interactions-on', title: 'Comment, Duet or Stitch is on before the creator chose',
    how: 'Open a new post: every switch must be off.', mend: 'All three are off until the creator switches them on.',
    measure: (s, page) => {
      const a = s.answers
      if (!asked(s) || !a || a.comment || a.duet || a.stitch) return undefined
      const switches = [...page.querySelectorAll<HTMLInputElement>('#tiktok-interactions input')]
      return switches.length > 0 ? of(switches.every((i) => !i.checked)) : undefined
    },
  },
  {
    id: 'no-duration', title: 'The length of the video is not held against the creator’s limit',
    how: 'Choose a video: the limit must be known, and a longer video refused.', mend: 'Ask TikTok for the creator’s limit and compare.',
    measure: (s) => (asked(s) && s.kind === 'video' && (s.files ?? 0) > 0 && s.durationMs !== undefined ? of(s.limitMs !== undefined) : undefined),
  },
  {
    id: 'branded-private', title: 'Branded content can be private',
    how: 'Tick “Branded content”: “Only you” must not be there to choose.', mend: 'Branded content is for everyone or for friends.',
    measure: (s, page) => {
      const list = page.querySelector<HTMLSelectElement>('#tiktok-privacy select')
      if (!asked(s) || !list || !s.answers?.disclose || !s.answers.branded) return undefined
      return of(list.value !== 'SELF_ONLY' && [...list.options].every((o) => o.value !== 'SELF_ONLY' || o.disabled))
    },
  },
  {
    id: 'no-processing', title: 'Nobody says that it takes a few minutes',
    how: 'Open a new post: the notice must stand below the button.', mend: 'Say that processing takes a few minutes.',
    measure: (s, page) => (asked(s) && !s.answers?.toInbox ? of(/minute/i.test(text(page, '#processing'))) : undefined),
  },
  {
    id: 'no-outcome', title: 'The outcome of a post is not shown',
    how: 'Open a post that has ended: the page must say how.', mend: 'Show what TikTok says became of the post.',
    measure: (s, page) => (s.screen === 'post' && (s.status === 'posted' || s.status === 'failed') ? of(text(page, 'main .status') !== '') : undefined),
  },
]

/** What a screen says about all of them; those it cannot tell are left out. */
export function measured(s: Seen, page: ParentNode): Record<string, State> {
  const found: Record<string, State> = {}
  for (const r of refusals) {
    const state = r.measure(s, page)
    if (state) found[r.id] = state
  }
  return found
}
