import { describe, expect, it } from 'vitest'
import { unanswered } from '../panels/tiktok/answers.ts'
import { items, type Seen } from './items.ts'

const screen = (change: Partial<ReturnType<typeof unanswered>> = {}, more: Partial<Seen> = {}): Seen => ({ screen: 'compose', asked: true, answers: { ...unanswered(), ...change }, ...more })
const item = (id: string) => items.find((i) => i.id === id)!

describe('the checklist', () => {
  it('is in the order of the audit, each id once', () => {
    const ids = items.map((i) => i.id)
    expect(ids).toEqual([...new Set(ids)].toSorted())
  })

  it.each(items.map((i) => i.id))('%s is not ticked by a screen that has not asked yet', (id) => {
    expect(item(id).shown({ screen: 'compose', asked: false, answers: unanswered() }, new Set())).toBe(false)
  })

  it('wants to see that nothing was chosen before it is', () => {
    expect(item('2.2').shown(screen({ privacy: 'SELF_ONLY' }), new Set())).toBe(false)
    const before = new Set<string>()
    expect(item('2.2').shown(screen(), before)).toBe(false)
    expect(item('2.2').shown(screen({ privacy: 'SELF_ONLY' }), before)).toBe(true)
  })

  it('wants each combination of the disclosure', () => {
    const before = new Set<string>()
    const step = (yourBrand: boolean, branded: boolean) => item('3.3').shown(screen({ disclose: true, yourBrand, branded }), before)
    expect([step(true, false), step(true, true), step(false, true)]).toEqual([false, false, true])
  })

  it('wants the end of a post', () => {
    expect(item('5.5').shown({ screen: 'post', status: 'publishing' }, new Set())).toBe(false)
    expect(item('5.5').shown({ screen: 'post', status: 'posted' }, new Set())).toBe(true)
  })
})
