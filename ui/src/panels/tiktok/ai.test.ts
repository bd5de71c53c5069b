import { render } from 'svelte/server'
import { expect, test } from 'vitest'
import { account, creator } from '../../gallery/samples.ts'
import { unanswered, type Answers, type MediaKind } from './answers.ts'
import Phone from './Phone.svelte'
import TikTokPanel from './TikTokPanel.svelte'

const accounts = [account('mara.moves', 'Mara Lindqvist')]
const problems = { way: [], privacy: [], interactions: [], disclosure: [], account: [] }
const label = 'Creator labeled as AI-generated'

function panel(answers: Answers, kind: MediaKind): string {
  return render(TikTokPanel, { props: { accounts, account: 'mara.moves', creator: { data: creator, isFetching: false, refetch: () => undefined }, answers, kind, problems, tried: false } }).body
}

function preview(answers: Answers, kind: MediaKind = 'video'): string {
  return render(Phone, { props: { kind, caption: 'Dawn #nature', handle: 'mara.moves', nickname: 'Mara', answers } }).body
}

/** The switch with a label, as it stands on the screen. */
function switchOf(html: string, words: string): string {
  const at = html.indexOf(words)
  expect(at).toBeGreaterThan(0) // and its input stands behind it
  return /<input[^>]*>/.exec(html.slice(at))?.[0] ?? ''
}

test('AI-generated content is said by nobody but the creator', () => {
  for (const kind of ['video', 'photo'] as const) {
    expect(switchOf(panel(unanswered(), kind), 'AI-generated content')).not.toContain('checked')
    expect(switchOf(panel({ ...unanswered(), ai: true }, kind), 'AI-generated content')).toContain('checked')
  }
})

test('what comes of it is said for each kind', () => {
  expect(panel(unanswered(), 'video')).toContain(`TikTok labels the video as “${label}”.`)
  expect(panel(unanswered(), 'photo')).toContain('TikTok is told; whether it shows a label on photos is up to TikTok.')
})

test('the preview has the label that viewers will see', () => {
  expect(preview(unanswered())).not.toContain(label)
  expect(preview({ ...unanswered(), ai: true })).toContain(label)
  expect(preview({ ...unanswered(), ai: true, toInbox: true })).not.toContain(label)
})
