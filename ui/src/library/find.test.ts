import { expect, it } from 'vitest'
import { addressOf, findFrom, narrowed, queryOf } from './find.ts'

it('keeps what is looked for in the address', () => {
  for (const address of ['', '?search=low+tide&kind=video&tag=sea%2Cbeach&unused=true&view=list', '?tag=%D8%B4%D8%A7%D8%B7%D8%A6']) {
    expect(addressOf(findFrom(address))).toBe(address)
  }
})

it('takes nothing from an address that it does not know', () => {
  const f = findFrom('?kind=film&view=map&unused=1&tag=,,')
  expect(addressOf(f)).toBe('')
  expect(narrowed(f)).toBe(false)
})

it('asks only for what was chosen', () => {
  expect(queryOf(findFrom('?search=%20&view=list'))).toEqual({})
  expect(queryOf(findFrom('?tag=a,b&unused=true'))).toEqual({ tag: ['a', 'b'], unused: true })
})
