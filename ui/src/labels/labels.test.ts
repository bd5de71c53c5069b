import { expect, test } from 'vitest'
import { colours, freshColour, type Label } from './colours.ts'

test('a new label gets the colour that the fewest have', () => {
  const label = (colour: Label['colour'], i: number): Label => ({ id: `lab_${i}`, name: `L${i}`, colour })
  expect(freshColour([])).toBe('red')
  expect(freshColour([label('red', 1), label('red', 2), label('orange', 3)])).toBe('yellow')
  expect(freshColour(colours.map((c, i) => label(c.value, i)))).toBe('red')
})
