import { describe, expect, it } from 'vitest'
import type { Account, FullDay } from '../api/client.ts'
import { byDate, fullWords, worstOf } from './full.ts'

const day = (change: Partial<FullDay>): FullDay => ({ date: '2026-11-27', account_id: 'acc_a', posts: 13, limit: 15, drafts: false, over: false, ...change })
const accounts = [{ id: 'acc_a', name: 'Mara' }, { id: 'acc_b', name: 'Kiln' }] as Account[]

describe('full days', () => {
  it('are led by the account that stands worst against its own limit', () => {
    expect(worstOf([day({}), day({ account_id: 'acc_b', posts: 6, limit: 5, over: true })])?.account_id).toBe('acc_b')
    expect(worstOf([])).toBeUndefined()
  })
  it('say of each account how full it is', () => {
    expect(fullWords([day({}), day({ account_id: 'acc_b', posts: 15 })], accounts)).toBe(
      'Nearly full: 13 of about 15 posts of Mara within 24 hours; Full: 15 of about 15 posts of Kiln within 24 hours',
    )
    expect(fullWords([day({ posts: 16, over: true, account_id: 'gone' })], accounts)).toBe('Too full: 16 of about 15 posts within 24 hours')
  })
  it('say that they are full of drafts', () => {
    expect(fullWords([day({ drafts: true, posts: 5, limit: 5 })], accounts)).toBe('Full: 5 of 5 drafts of Mara within 24 hours')
  })
  it('are found by their date', () => {
    const found = byDate([day({}), day({ account_id: 'acc_b' }), day({ date: '2026-11-28' })])
    expect([...found].map(([date, list]) => `${date} ${list.length}`)).toEqual(['2026-11-27 2', '2026-11-28 1'])
  })
})
