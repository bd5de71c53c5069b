import { infiniteQueryOptions, type InfiniteData } from '@tanstack/svelte-query'
import { answer, api, type Entry, type Post, Refusal } from './client.ts'
import { type PostFilter, postQuery, queryClient } from './queries.ts'
import type { paths } from './schema.gen.ts'

// Lists that come page by page. What happens is no reason to ask for all their pages again: the posts that it happened to are asked for, each
// alone, and put where they belong; of what is written down, what is new.

type Pages<T> = InfiniteData<{ items: T[]; next_cursor?: string }, string>
type EntryFilter = NonNullable<paths['/journal']['get']['parameters']['query']>

const next = (page: { next_cursor?: string }) => page.next_cursor

/** Posts, page by page. */
export const postPagesQuery = (filter: PostFilter) =>
  infiniteQueryOptions({
    queryKey: ['posts', 'pages', filter],
    queryFn: ({ pageParam, signal }) => answer(api.GET('/posts', { params: { query: { ...filter, cursor: pageParam || undefined } }, signal })),
    initialPageParam: '',
    getNextPageParam: next,
  })

/** What happened, page by page, the latest first. */
export const entryPagesQuery = (filter: EntryFilter) =>
  infiniteQueryOptions({
    queryKey: ['entries', 'pages', filter],
    queryFn: ({ pageParam, signal }) => answer(api.GET('/journal', { params: { query: { ...filter, cursor: pageParam || undefined } }, signal })),
    initialPageParam: '',
    getNextPageParam: next,
  })

/** Whether the server would tell a post when it is asked for these. */
function belongs(post: Post, f: PostFilter): boolean {
  const has = <T>(wanted: T[] | undefined, ...these: T[]) => !wanted || wanted.length === 0 || these.some((t) => wanted.includes(t))
  const due = post.due_at ? Date.parse(post.due_at) : undefined
  if (f.order === 'due' && due === undefined) return false
  if (f.from && !(due !== undefined && due >= Date.parse(f.from))) return false
  if (f.to && !(due !== undefined && due < Date.parse(f.to))) return false
  if (f.group_id && post.group_id !== f.group_id) return false
  if (f.cause && (post.status === 'queued' ? post.hold?.code : (post.failure?.code ?? post.status)) !== f.cause) return false
  return has(f.status, post.status) && has(f.account_id, post.account_id) && has(f.label_id, ...post.label_ids)
}

/** Which of two posts comes first in a list; below zero: the first of them. */
function compare(a: Post, b: Post, order: PostFilter['order']): number {
  const byID = a.id < b.id ? -1 : a.id > b.id ? 1 : 0
  return order === 'due' ? Date.parse(a.due_at ?? '') - Date.parse(b.due_at ?? '') || byID : -byID
}

function without(list: Pages<Post>, id: string): Pages<Post> {
  return { ...list, pages: list.pages.map((page) => (page.items.some((p) => p.id === id) ? { ...page, items: page.items.filter((p) => p.id !== id) } : page)) }
}

/**
 * A list with a post as it is by now: at its place, at another one, or not in it any more. One whose place is on a page that nobody asked for
 * yet comes with that page.
 */
export function placed(list: Pages<Post>, post: Post, filter: PostFilter): Pages<Post> {
  const known = list.pages.flatMap((p) => p.items).find((p) => p.id === post.id)
  if (known && known.version > post.version) return list
  const stays = known && compare(known, post, filter.order) === 0 && belongs(post, filter)
  if (stays) return { ...list, pages: list.pages.map((page) => (page.items.includes(known) ? { ...page, items: page.items.map((p) => (p === known ? post : p)) } : page)) }
  const others = known ? without(list, post.id) : list
  if (!belongs(post, filter)) return others
  let to = others.pages.findIndex((page) => page.items.some((p) => compare(post, p, filter.order) < 0))
  if (to < 0 && !others.pages.at(-1)?.next_cursor) to = others.pages.length - 1
  if (to < 0) return others
  const pages = others.pages.map((page, i) => {
    if (i !== to) return page
    const at = page.items.findIndex((p) => compare(post, p, filter.order) < 0)
    return { ...page, items: page.items.toSpliced(at < 0 ? page.items.length : at, 0, post) }
  })
  return { ...others, pages }
}

/** A list with what was written down since; only that where it does not reach back to what is known, for the rest is there to be asked for. */
export function continued(list: Pages<Entry>, latest: { items: Entry[]; next_cursor?: string }): Pages<Entry> {
  const known = list.pages[0]?.items[0]?.id
  const fresh = latest.items.findIndex((e) => e.id === known)
  if (fresh === 0) return list
  if (fresh < 0) return { pages: [latest], pageParams: [''] }
  return { ...list, pages: list.pages.map((page, i) => (i === 0 ? { ...page, items: [...latest.items.slice(0, fresh), ...page.items] } : page)) }
}

/** From how many posts on asking for the pages is less than asking for each. */
const many = 8

let turn: Promise<unknown> = Promise.resolve()

/** One after the other, so that no older answer comes last. */
function inTurn(work: () => Promise<void>): Promise<void> {
  const mine = turn.then(work)
  turn = mine.catch(() => undefined)
  return mine
}

const shown = (first: string) => queryClient.getQueryCache().findAll({ queryKey: [first, 'pages'], type: 'active' })

/** Brings everything up to date that shows posts, after something happened to some of them. */
export async function postsChanged(ids: string[]): Promise<void> {
  const rest = queryClient.invalidateQueries({ queryKey: ['posts'], predicate: (q) => q.queryKey[1] !== 'pages' })
  await queryClient.invalidateQueries({ queryKey: ['posts', 'pages'], type: 'inactive' })
  await Promise.all([rest, inTurn(() => replace(ids))])
}

async function replace(ids: string[]): Promise<void> {
  if (shown('posts').length === 0) return
  const again = () => queryClient.invalidateQueries({ queryKey: ['posts', 'pages'] })
  if (ids.length > many) return again()
  const got = await Promise.all(ids.map((id) => queryClient.fetchQuery({ ...postQuery(id), staleTime: 0 }).catch((err: unknown) => (err instanceof Refusal && err.status === 404 ? id : undefined))))
  if (got.includes(undefined)) return again()
  for (const query of shown('posts')) {
    await query.promise?.catch(() => undefined) // a page may be on its way; it would come without what is put here
    const filter = query.queryKey[2] as PostFilter
    const before = query.state.data as Pages<Post> | undefined
    if (!before) continue
    const after = got.reduce<Pages<Post>>((list, post) => (typeof post === 'string' ? without(list, post) : post ? placed(list, post, filter) : list), before)
    queryClient.setQueryData(query.queryKey, after)
    // Nothing is left of what was loaded, and there is more.
    if (after.pages.every((p) => p.items.length === 0) && after.pages.at(-1)?.next_cursor) await queryClient.invalidateQueries({ queryKey: query.queryKey, exact: true })
  }
}

/** Brings lists of what happened up to date. */
export async function entriesChanged(): Promise<void> {
  await queryClient.invalidateQueries({ queryKey: ['entries', 'pages'], type: 'inactive' })
  await inTurn(async () => {
    for (const query of shown('entries')) {
      await query.promise?.catch(() => undefined)
      const latest = await answer(api.GET('/journal', { params: { query: query.queryKey[2] as EntryFilter } })).catch(() => undefined)
      if (latest) queryClient.setQueryData<Pages<Entry>>(query.queryKey, (list) => list && continued(list, latest))
      else await queryClient.invalidateQueries({ queryKey: query.queryKey, exact: true })
    }
  })
}
