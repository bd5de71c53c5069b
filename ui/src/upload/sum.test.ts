import { expect, it } from 'vitest'
import { sumOf, worthALine } from './sum.ts'

const one = (state: string, more: object = {}) => ({ state, sent: 0, perSecond: 0, hopeless: false, file: { size: 100 }, ...more }) as never

it('adds up what travels, and counts what does not', () => {
  expect(
    sumOf([
      one('arrived'),
      one('arrived', { media: { status: 'rejected' } }),
      one('sending', { sent: 40, perSecond: 10 }),
      one('lined-up'),
      one('paused', { sent: 10 }),
      one('failed', { hopeless: true }),
      one('failed'),
    ]),
  ).toEqual({ count: 7, done: 1, bad: 3, again: 1, open: 2, paused: 1, sent: 250, size: 600, perSecond: 10 })
})

it('gives a line to what is wrong and to what moves before all others', () => {
  const all = [...Array.from({ length: 300 }, () => one('arrived')), one('sending', { sent: 7 }), ...Array.from({ length: 200 }, () => one('lined-up')), one('failed', { sent: 9 })]
  const { lines, more } = worthALine(all as Parameters<typeof worthALine>[0], 40)
  expect([lines.length, more]).toEqual([40, 462])
  expect(lines.slice(0, 3).map((t) => t.state)).toEqual(['failed', 'sending', 'lined-up'])
})
