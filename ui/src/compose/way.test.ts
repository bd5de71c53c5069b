import { expect, test } from 'vitest'
import type { Post } from '../api/client.ts'
import { statuses } from '../words/status.ts'
import { wayOf } from './way.ts'

const ways: Record<Post['status'], string> = {
  draft: 'draft', queued: 'change', publishing: 'change', failed: 'retry', missed: 'retry', posted: 'closed', cancelled: 'closed', in_inbox: 'closed', unconfirmed: 'closed',
}

test.each(statuses)('a post that is %s', (status) => expect(wayOf({ status })).toBe(ways[status]))

test.each([
  ['staging', 'change'],
  ['staged', 'change'],
  ['committing', 'closed'],
  ['processing', 'closed'],
  ['stopping', 'closed'],
] as const)('a post that is under way and %s', (phase, way) => expect(wayOf({ status: 'publishing', phase })).toBe(way))

test('a post that there is not yet', () => expect(wayOf(undefined)).toBe('draft'))
