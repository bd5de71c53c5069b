import { afterEach, expect, it, vi } from 'vitest'
import { InfiniteQueryObserver } from '@tanstack/svelte-query'
import { api, type Entry, type Post } from './client.ts'
import { continued, placed, postPagesQuery, postsChanged } from './pages.ts'
import { queryClient } from './queries.ts'

const post = (id: string, more: Partial<Post> = {}) => ({ id, version: 1, status: 'queued', account_id: 'a', label_ids: [], due_at: `2026-11-24T0${id}:00:00Z`, ...more }) as Post
const upcoming = { order: 'due' as const, status: ['queued' as const] }
const two = (last?: string) => ({ pages: [{ items: [post('1'), post('3')], next_cursor: 'three' }, { items: [post('5'), post('7')], ...(last ? { next_cursor: last } : {}) }], pageParams: ['', 'three'] })
const ids = (list: { pages: { items: { id: string }[] }[] }) => list.pages.map((p) => p.items.map((i) => i.id).join(' ')).join(' | ')

it('puts a post where it belongs', () => {
  expect(ids(placed(two(), post('3', { version: 2 }), upcoming))).toBe('1 3 | 5 7')
  expect(placed(two(), post('3', { version: 2 }), upcoming).pages[0]?.items[1]?.version).toBe(2)
  expect(ids(placed(two(), post('1', { due_at: '2026-11-24T06:00:00Z' }), upcoming))).toBe('3 | 5 1 7')
  expect(ids(placed(two(), post('2'), upcoming))).toBe('1 2 3 | 5 7')
  // The same instant written in another way, and between two pages.
  expect(ids(placed(two(), post('4', { due_at: '2026-11-24T05:00:00+01:00' }), upcoming))).toBe('1 3 | 4 5 7')
})

it('takes out what left the choice', () => {
  for (const gone of [{ status: 'posted' }, { due_at: undefined }] as Partial<Post>[]) expect(ids(placed(two(), post('3', gone), upcoming))).toBe('1 | 5 7')
  for (const filter of [{ account_id: ['b'] }, { label_id: ['l'] }, { from: '2026-11-24T04:00:00Z' }, { to: '2026-11-24T03:00:00Z' }, { group_id: 'g' }, { cause: 'file_unusable' }]) {
    expect(ids(placed(two(), post('3'), { ...upcoming, ...filter }))).toBe('1 | 5 7')
  }
})

it('knows posts by their cause as the server does', () => {
  const held = post('3', { hold: { code: 'account_paused' } as Post['hold'], failure: { code: 'file_unusable' } as Post['failure'] })
  expect(ids(placed(two(), held, { ...upcoming, cause: 'account_paused' }))).toBe('1 3 | 5 7')
  expect(ids(placed(two(), held, { ...upcoming, cause: 'file_unusable' }))).toBe('1 | 5 7')
  expect(ids(placed(two(), post('3', { status: 'missed' }), { order: 'due', cause: 'missed' }))).toBe('1 3 | 5 7')
})

it('leaves what comes with a page that is not there yet', () => {
  expect(ids(placed(two('more'), post('9'), upcoming))).toBe('1 3 | 5 7')
  expect(ids(placed(two('more'), post('1', { due_at: '2026-11-24T09:00:00Z' }), upcoming))).toBe('3 | 5 7')
  expect(ids(placed(two(), post('9'), upcoming))).toBe('1 3 | 5 7 9')
})

it('has the newest first where no time is asked for, and lets no older answer win', () => {
  const newest = { pages: [{ items: [post('7', { version: 4 }), post('3')] }], pageParams: [''] }
  expect(ids(placed(newest, post('5'), {}))).toBe('7 5 3')
  expect(placed(newest, post('7', { version: 3 }), {})).toBe(newest)
})

it('puts what happened since before what is known', () => {
  const entry = (id: string) => ({ id }) as Entry
  const list = { pages: [{ items: [entry('4'), entry('3')], next_cursor: 'x' }, { items: [entry('2')] }], pageParams: ['', 'x'] }
  expect(ids(continued(list, { items: [entry('6'), entry('5'), entry('4')] }))).toBe('6 5 4 3 | 2')
  expect(continued(list, { items: [entry('4'), entry('3')] })).toBe(list)
  expect(ids(continued(list, { items: [entry('9'), entry('8')], next_cursor: 'y' }))).toBe('9 8')
})

afterEach(() => vi.restoreAllMocks())

it('asks for the posts that something happened to, not for the pages', async () => {
  const asked: string[] = []
  let status = 'queued'
  vi.spyOn(api, 'GET').mockImplementation((async (path: string, { params }: { params: { path?: { id: string }; query?: { cursor?: string } } }) => {
    const id = params.path?.id
    asked.push(id ?? `page ${params.query?.cursor ?? ''}`)
    const response = new Response(null, { status: id === '7' ? 404 : 200 })
    if (id === '7') return { error: { detail: 'There is no such post.' }, response }
    return { data: path === '/posts' ? two().pages[params.query?.cursor ? 1 : 0] : { ...post(id!), status }, response }
  }) as unknown as typeof api.GET)
  const observer = new InfiniteQueryObserver(queryClient, postPagesQuery(upcoming))
  const leave = observer.subscribe(() => undefined)
  await observer.refetch()
  await observer.fetchNextPage()
  const list = () => ids(observer.getCurrentResult().data!)
  expect(list()).toBe('1 3 | 5 7')
  asked.length = 0
  status = 'posted'
  await postsChanged(['5', '7'])
  expect(list()).toBe('1 3 | ')
  expect(asked.sort()).toEqual(['5', '7'])
  // With many of them the pages are less.
  asked.length = 0
  await postsChanged(Array.from({ length: 9 }, (_, i) => String(i)))
  expect(list()).toBe('1 3 | 5 7')
  expect(asked).toEqual(['page ', 'page three'])
  leave()
})
