import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { Entry, Post } from '../api/client.ts'
import { aboutWords, left, wordsOf, type Names } from './words.ts'

it('has words for every kind of journal entry', () => {
  const kinds = [...readFileSync('../journal.go', 'utf8').matchAll(/EntryKind = "([a-z_.]+)"/g)].map((m) => m[1]!)
  expect(kinds.length).toBeGreaterThan(40)
  expect(kinds.filter((kind) => !left.has(kind) && !wordsOf(kind))).toEqual([])
})

it('says which one it was', () => {
  const failed = { caption: 'Low tide', failure: { message: 'TikTok cannot read this file.' } } as Post
  const names: Names = { posts: new Map([['p', failed]]), accounts: new Map([['a', 'Mara']]), labels: new Map([['l', 'Client']]), templates: new Map() }
  const about = (kind: string, rest: object) => aboutWords({ kind, data: {}, ...rest } as Entry, names)
  expect(about('post.scheduled', { post_id: 'p' })).toBe('Low tide')
  expect(about('post.failed', { post_id: 'p' })).toBe('TikTok cannot read this file.')
  expect(about('slot.added', { account_id: 'a', data: { weekday: 6, clock: '18:00' } })).toMatch(/^Saturday, .*Mara$/)
  expect(about('account.disconnected', { account_id: 'gone', data: { reason: 'removed_by_creator', message: 'Its creator took it back.' }, personal: { name: 'Juno' } })).toBe('Juno: Its creator took it back.')
  expect(about('account.disconnected', { account_id: 'a' })).toBe('Mara')
  expect(about('media.received', { personal: { file_name: 'low-tide.mp4' } })).toBe('low-tide.mp4')
  expect(about('label.saved', { data: { label: 'l' } })).toBe('Client')
  expect(about('user.signed_in', {})).toBe('')
})
