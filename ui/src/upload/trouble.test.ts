import { expect, it } from 'vitest'
import { troubleOf } from './trouble.ts'

const said = (detail: string) => JSON.stringify({ detail })

it('goes on after cuts, ever more slowly and never giving up', () => {
  const waits = [0, 1, 2, 5, 50].map((n) => troubleOf({}, n))
  expect(waits.map((t) => t.kind === 'again' && t.afterMs)).toEqual([500, 1000, 2000, 15_000, 15_000])
})

it.each([408, 409, 423, 500, 502, 503])('goes on after %d', (status) => expect(troubleOf({ status }, 0).kind).toBe('again'))

it('waits as long as the server asks, when that is short', () => {
  expect(troubleOf({ status: 429, retryAfter: '10', body: said('Five uploads are under way.') }, 0))
    .toEqual({ kind: 'again', afterMs: 10_000, words: 'Five uploads are under way.' })
  expect(troubleOf({ status: 429, retryAfter: '3600', body: said('Used up.') }, 0)).toEqual({ kind: 'over', words: 'Used up.' })
})

it('waits for the person who is signed out', () => expect(troubleOf({ status: 401 }, 3)).toEqual({ kind: 'signed-out' }))

it('says what the server said about a file it does not take', () => {
  expect(troubleOf({ status: 413, body: said('This file has 9 GB.') }, 0)).toEqual({ kind: 'over', words: 'This file has 9 GB.' })
  expect(troubleOf({ status: 400, body: '<html>' }, 0).kind).toBe('over')
})
