import { describe, expect, it } from 'vitest'
import { Chosen, step } from './chosen.svelte.ts'

describe('Chosen', () => {
  const order = ['a', 'b', 'c', 'd', 'e']

  it('takes a range in either direction, from the one chosen last', () => {
    const c = new Chosen()
    c.toggle('d')
    c.through('b', order)
    expect([...c.ids].sort()).toEqual(['b', 'c', 'd'])
    c.through('e', order)
    expect(c.size).toBe(4)
  })

  it('begins a range where there is none', () => {
    const c = new Chosen()
    c.through('c', order)
    c.through('nowhere', order)
    expect([...c.ids]).toEqual(['c'])
  })

  it('forgets what is gone', () => {
    const c = new Chosen()
    c.all(order)
    c.toggle('a')
    c.keep((id) => id !== 'b')
    expect([...c.ids]).toEqual(['c', 'd', 'e'])
  })
})

describe('step', () => {
  it.each([
    ['ArrowRight', 0, 1],
    ['ArrowRight', 9, 9],
    ['ArrowLeft', 0, 0],
    ['ArrowDown', 1, 5],
    ['ArrowDown', 7, 9], // the last row is shorter
    ['ArrowDown', 8, 8],
    ['ArrowUp', 5, 1],
    ['ArrowUp', 3, 3],
    ['Home', 7, 0],
    ['End', 0, 9],
    ['a', 4, 4],
  ])('%s from %d leads to %d', (key, from, to) => expect(step(key, from, 4, 10)).toBe(to))
})
