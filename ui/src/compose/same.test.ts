import { expect, test } from 'vitest'
import { meeting } from './same.ts'

test.each([
  ['nothing was touched here', 'B', { sent: '', screen: 'A', touched: false }, 'take'],
  ['both say the same', 'B', { sent: '', screen: 'B', touched: true }, 'take'],
  ['both say something else', 'B', { sent: '', screen: 'A', touched: true }, 'choose'],
  ['only the answer was lost, and it was written on', 'B', { sent: 'B', screen: 'C', touched: true }, 'go-on'],
  ['only the answer was lost', 'B', { sent: 'B', screen: 'B', touched: true }, 'go-on'],
  ['something else was sent meanwhile', 'B', { sent: 'C', screen: 'C', touched: true }, 'choose'],
] as const)('%s', (_, theirs, mine, what) => expect(meeting(theirs, mine)).toBe(what))
