import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { left, wordsOf } from './words.ts'

it('has words for every kind of journal entry', () => {
  const kinds = [...readFileSync('../journal.go', 'utf8').matchAll(/EntryKind = "([a-z_.]+)"/g)].map((m) => m[1]!)
  expect(kinds.length).toBeGreaterThan(40)
  expect(kinds.filter((kind) => !left.has(kind) && !wordsOf(kind))).toEqual([])
})
