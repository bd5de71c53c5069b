import { describe, expect, it } from 'vitest'
import type { Creator } from '../../api/client.ts'
import { brandedWhyNot, declarationFor, fromOptions, labelled, linked, privacyWhyNot, signOf, toOptions, unanswered } from './answers.ts'

const music = { url: 'https://www.tiktok.com/legal/page/global/music-usage-confirmation/en', words: 'Music Usage Confirmation' }
const policy = { url: 'https://www.tiktok.com/legal/page/global/bc-policy/en', words: 'Branded Content Policy' }
const stored = { consent: false, ai_generated: false, cover_ms: 0, photo_cover_index: 0, auto_music: false }
const creator: Creator = {
  handle: 'mara.moves', nickname: 'Mara', privacy_options: ['PUBLIC_TO_EVERYONE', 'MUTUAL_FOLLOW_FRIENDS', 'SELF_ONLY'],
  comment_disabled: false, duet_disabled: false, stitch_disabled: false, max_video_seconds: 600,
  declarations: [
    { version: 'a', text: "By posting, you agree to TikTok's Music Usage Confirmation", links: [music] },
    { version: 'b', text: "By posting, you agree to TikTok's Branded Content Policy and Music Usage Confirmation.", links: [policy, music] },
  ],
}

describe('answers', () => {
  it('chooses nothing for the creator', () => {
    expect(toOptions(unanswered(), 'video', creator)).toEqual({
      allow_comment: false, allow_duet: false, allow_stitch: false, your_brand: false, branded_content: false, ai_generated: false, to_inbox: false, cover_ms: 0,
    })
  })

  it('asks neither duet nor stitch nor cover for photos', () => {
    const sent = toOptions({ ...unanswered(), duet: true, stitch: true, coverMs: 5 }, 'photo', creator)
    expect(Object.keys(sent)).not.toEqual(expect.arrayContaining(['allow_duet']))
    expect(sent).not.toHaveProperty('allow_stitch')
    expect(sent).not.toHaveProperty('cover_ms')
  })

  it('never allows what the creator switched off at TikTok', () => {
    const all = { ...unanswered(), comment: true, duet: true, stitch: true }
    expect(toOptions(all, 'video', { ...creator, comment_disabled: true, duet_disabled: true, stitch_disabled: true })).toMatchObject({
      allow_comment: false, allow_duet: false, allow_stitch: false,
    })
    expect(toOptions(all, 'video', creator)).toMatchObject({ allow_comment: true, allow_duet: true, allow_stitch: true })
  })

  it('counts the two brands only while the disclosure is on', () => {
    expect(toOptions({ ...unanswered(), yourBrand: true, branded: true }, 'video', creator)).toMatchObject({ your_brand: false, branded_content: false })
  })

  it('comes back from the API as it was', () => {
    const a = { ...unanswered(), privacy: 'MUTUAL_FOLLOW_FRIENDS', comment: true, disclose: true, branded: true, ai: true, coverMs: 1500 }
    expect(fromOptions({ ...stored, ...toOptions(a, 'video', creator) } as typeof stored)).toEqual(a)
    const photos = { ...a, coverMs: 0, coverIndex: 2, title: 'Dawn', music: true }
    expect(fromOptions({ ...stored, ...toOptions(photos, 'photo', creator) } as typeof stored)).toEqual(photos)
  })
})

describe('the table of TikTok', () => {
  const on = (yourBrand: boolean, branded: boolean) => ({ ...unanswered(), disclose: true, yourBrand, branded })
  it.each([
    [unanswered(), undefined, 'a'],
    [on(false, false), undefined, 'a'],
    [on(true, false), "Your video will be labeled as 'Promotional content'", 'a'],
    [on(false, true), "Your video will be labeled as 'Paid partnership'", 'b'],
    [on(true, true), "Your video will be labeled as 'Paid partnership'", 'b'],
  ])('%o', (a, label, version) => {
    expect(labelled(a, 'video')).toBe(label)
    expect(declarationFor(a, creator)?.version).toBe(version)
  })
  it.each([
    [{}, ''],
    [{ disclose: true }, ''],
    [{ yourBrand: true, branded: true }, ''], // counts only while it is disclosed
    [{ disclose: true, yourBrand: true }, 'Promotional content'],
    [{ disclose: true, yourBrand: true, branded: true }, 'Paid partnership'],
    [{ toInbox: true, disclose: true, branded: true }, 'Draft for the TikTok inbox'],
  ])('%o says “%s” on the post', (more, words) => expect(signOf({ ...unanswered(), ...more })).toBe(words))
  it('speaks of photos', () => expect(labelled(on(true, false), 'photo')).toBe("Your photo will be labeled as 'Promotional content'"))
})

it('keeps branded content and a private audience apart, in both directions', () => {
  expect(brandedWhyNot('SELF_ONLY')).toBe('Branded content visibility cannot be set to private.')
  expect(brandedWhyNot('FOLLOWER_OF_CREATOR')).toContain('followers')
  expect(brandedWhyNot('')).toBeUndefined()
  expect(brandedWhyNot('PUBLIC_TO_EVERYONE')).toBeUndefined()
  const branded = { ...unanswered(), disclose: true, branded: true }
  expect(privacyWhyNot('SELF_ONLY', branded)).toBe('Branded content visibility cannot be set to private.')
  expect(privacyWhyNot('SELF_ONLY', { ...branded, disclose: false })).toBeUndefined()
})

it('cuts a declaration where its links are', () => {
  expect(linked(creator.declarations[1]!)).toEqual([
    { text: "By posting, you agree to TikTok's " },
    { text: policy.words, url: policy.url },
    { text: ' and ' },
    { text: music.words, url: music.url },
    { text: '.' },
  ])
  expect(linked(creator.declarations[0]!).at(-1)).toEqual({ text: music.words, url: music.url })
})
