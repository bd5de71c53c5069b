import { expect, test } from 'vitest'
import { columnsOf, moved, nearest, placeBy } from './order.ts'

test.each([
  [[], 1],
  [[8], 1],
  [[8, 8, 8], 3],
  [[8, 8, 96, 96, 184], 2],
])('rows of %j have %d', (tops, columns) => expect(columnsOf(tops)).toBe(columns))

// Seven in rows of three.
test.each([
  ['ArrowLeft', 4, 3],
  ['ArrowRight', 4, 5],
  ['ArrowUp', 4, 1],
  ['ArrowDown', 3, 6],
  ['Home', 4, 0],
  ['End', 4, 6],
  ['ArrowLeft', 0, undefined],
  ['ArrowRight', 6, undefined],
  ['ArrowUp', 1, undefined],
  ['ArrowDown', 4, undefined],
  ['a', 4, undefined],
])('%s leads from %d to %s', (key, at, to) => expect(placeBy(key, at, 7, 3)).toBe(to))

test('a thing is carried to the place it is nearest to', () => {
  const spots = [{ x: 10, y: 10 }, { x: 30, y: 10 }, { x: 10, y: 40 }]
  expect([nearest(spots, 19, 12), nearest(spots, 21, 12), nearest(spots, 12, 300)]).toEqual([0, 1, 2])
})

test.each([
  ['a', 2, 'bcad'],
  ['d', 0, 'dabc'],
  ['b', 1, 'abcd'],
])('%s at place %d: %s', (one, to, order) => expect(moved([...'abcd'], one, to).join('')).toBe(order))
