import { describe, expect, it } from 'vitest'
import { unanswered } from '../panels/tiktok/answers.ts'
import type { Seen } from './items.ts'
import { measured, refusals } from './refusals.ts'

interface Screen {
  account?: string
  privacy?: { value: string; options: string[] }
  declaration?: string
  disclosure?: string
  interactions?: string
  switches?: boolean[]
  processing?: string
  status?: string
}

/** A page with just what is measured. */
function page(s: Screen): ParentNode {
  const words = (t?: string) => (t === undefined ? null : { textContent: t })
  const found: Record<string, unknown> = {
    '#tiktok-account': words(s.account),
    '#tiktok-privacy select': s.privacy ? { value: s.privacy.value, options: s.privacy.options.map((value) => ({ value, disabled: value === '' })) } : null,
    '#declaration': words(s.declaration), '#tiktok-disclosure': words(s.disclosure), '#tiktok-interactions': words(s.interactions), '#processing': words(s.processing),
    'main .status': words(s.status),
  }
  return { querySelector: (at: string) => found[at] ?? null, querySelectorAll: () => (s.switches ?? []).map((checked) => ({ checked })) } as unknown as ParentNode
}

const seen = (change: Partial<Seen> = {}, answers: Partial<ReturnType<typeof unanswered>> = {}): Seen => ({ screen: 'compose', asked: true, nickname: 'Mara', options: ['A', 'B'], answers: { ...unanswered(), ...answers }, ...change })
const good: Screen = {
  account: 'Posting as Mara',
  privacy: { value: '', options: ['', 'A', 'B'] }, declaration: "By posting, you agree to TikTok's Music Usage Confirmation", switches: [false, false, false],
  interactions: 'Allow comments Allow Duet Allow Stitch', processing: 'It may take a few minutes.',
}

describe('the usual refusals', () => {
  it('are each found where they are, and clear where they are not', () => {
    const cases: [string, Seen, Screen, Screen][] = [
      ['no-creator', seen(), good, { ...good, account: 'Posting' }],
      ['default-privacy', seen(), good, { ...good, privacy: { value: 'A', options: ['', 'A', 'B'] } }],
      ['fixed-privacy', seen(), good, { ...good, privacy: { value: '', options: ['', 'A', 'B', 'C'] } }],
      ['late-declaration', seen(), good, { ...good, declaration: '' }],
      ['own-wording', seen({}, { disclose: true, yourBrand: true }), { ...good, disclosure: "Your video will be labeled as 'Promotional content'" }, { ...good, disclosure: 'This is an advertisement' }],
      ['photo-duet', seen({ kind: 'photo', files: 1 }), { ...good, interactions: 'Allow comments' }, good],
      ['interactions-on', seen(), good, { ...good, switches: [true, false, false] }],
      ['no-duration', seen({ kind: 'video', files: 1, durationMs: 1000, limitMs: 60_000 }), good, good],
      ['branded-private', seen({}, { disclose: true, branded: true }), good, { ...good, privacy: { value: '', options: ['', 'SELF_ONLY'] } }],
      ['no-processing', seen(), good, { ...good, processing: 'Done.' }],
      ['no-outcome', { screen: 'post', status: 'posted' }, { status: 'Posted' }, {}],
    ]
    expect(cases.map(([id]) => id)).toEqual(refusals.map((r) => r.id))
    for (const [id, s, right, wrong] of cases) {
      expect([id, measured(s, page(right))[id]]).toEqual([id, 'clear'])
      expect([id, measured(id === 'no-duration' ? { ...s, limitMs: undefined } : s, page(wrong))[id]]).toEqual([id, 'found'])
    }
  })

  it('are not measured before TikTok answered, nor by another screen', () => {
    expect(measured({ screen: 'compose', asked: false, answers: unanswered() }, page(good))).toEqual({})
    expect(measured({ screen: 'post', status: 'publishing' }, page(good))).toEqual({})
  })
})
