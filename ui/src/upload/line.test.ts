import { expect, it } from 'vitest'
import { Lines } from './line.ts'

it('has the same bytes brought by one at a time', () => {
  const lines = new Lines<{ over: boolean }>()
  const [a, b, c, other] = [{ over: false }, { over: false }, { over: false }, { over: false }]
  expect(lines.join('same', a)).toBeUndefined()
  expect(lines.join('same', b)).toBe(a)
  expect(lines.join('other', other)).toBeUndefined()
  expect(lines.join('same', a)).toBeUndefined() // it does not wait for itself
  a.over = true
  expect(lines.join('same', b)).toBeUndefined()
  expect(lines.join('same', c)).toBe(b)
})
