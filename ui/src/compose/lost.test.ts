import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Post } from '../api/client.ts'
import { post as sample } from '../gallery/samples.ts'
import { Composition } from './composition.svelte.ts'

// A browser's requests begin at the page's own server; the client takes what there is when it is loaded.
vi.hoisted(() => {
  vi.stubGlobal('Request', class extends Request {
    constructor(input: string, init?: RequestInit) {
      super(new URL(input, 'http://localhost'), init)
    }
  })
})
vi.mock('../router.ts', () => ({ navigate: () => undefined, route: { pathname: '/compose' } }))
beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('window', globalThis)
  vi.stubGlobal('navigator', {})
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

/** A draft in which somebody has written, and a server that answers what it is told to. */
function written(caption: string) {
  const draft = sample({ id: 'post_1', status: 'draft', caption: 'Dawn', due: undefined, due_at: undefined })
  const c = new Composition()
  c.open(draft)
  c.caption = caption
  const answers = new Map<string, () => Promise<Response>>()
  vi.stubGlobal('fetch', (r: Request) => answers.get(r.method)?.() ?? Promise.reject(new TypeError('unreachable')))
  return { draft, c, answers }
}

test('a version that was sent from here and not answered is no change of somebody else', async () => {
  const { draft, c, answers } = written('Low tide')
  await c.save() // it arrives, and the answer is lost
  expect(c.saving).toBe('offline')
  const arrived: Post = { ...draft, ...c.body(), options: draft.options, version: 2 }

  c.caption = 'Low tide at noon'
  answers.set('PATCH', () => Promise.resolve(Response.json({ code: 'version_conflict' }, { status: 412 })))
  answers.set('GET', () => new Promise(() => undefined)) // what the server has is told by its events first
  await c.save()
  expect(c.saving).toBe('refused')
  c.learnt(arrived)
  expect(c.theirs).toBeUndefined()
  expect(c.post?.version).toBe(2)
  expect([c.caption, c.saving, c.words]).toEqual(['Low tide at noon', 'unsaved', ''])
})

test('a version that was sent by nobody here is one', async () => {
  const { draft, c, answers } = written('Low tide')
  answers.set('PATCH', () => Promise.resolve(Response.json({ code: 'version_conflict' }, { status: 412 })))
  answers.set('GET', () => new Promise(() => undefined))
  await c.save()
  c.learnt({ ...draft, caption: 'High tide', version: 2 })
  expect(c.theirs?.caption).toBe('High tide')
})
