import { focusManager, QueryClient, queryOptions } from '@tanstack/svelte-query'
import { answer, api, Refusal } from './client.ts'
import type { paths } from './schema.gen.ts'

// A question is asked again in a window that nobody looks at, too: what is paused shows nothing and says nothing.
focusManager.setFocused(true)

/** Answers are kept until an event says that they changed (see live/events.ts); nothing polls. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      // The server may be this machine or one in the next room: whether the internet can be reached says nothing of it.
      networkMode: 'always',
      // Every change reaches the screen. Else a refusal that came before anybody asked whether there was one would never be shown.
      notifyOnChangeProps: 'all',
      retry: (failures, err) => failures < 3 && !(err instanceof Refusal && err.status < 500),
    },
    mutations: { retry: false, networkMode: 'always' },
  },
})

export type PostFilter = NonNullable<paths['/posts']['get']['parameters']['query']>
type MediaFilter = NonNullable<paths['/media']['get']['parameters']['query']>

export const meQuery = () =>
  queryOptions({ queryKey: ['me'], queryFn: ({ signal }) => answer(api.GET('/me', { signal })), staleTime: 60_000 })

export const accountsQuery = () =>
  queryOptions({ queryKey: ['accounts'], queryFn: ({ signal }) => answer(api.GET('/accounts', { signal })) })

/** What the platform says a creator may do now. TikTok wants it asked each time the composer opens. */
export const creatorQuery = (account: string) =>
  queryOptions({
    queryKey: ['creator', account],
    queryFn: ({ signal }) => answer(api.GET('/accounts/{id}/creator', { params: { path: { id: account } }, signal })),
    enabled: account !== '',
    staleTime: 0,
    gcTime: 60_000,
  })

/** The limits of an account as data: what the editor shows is what a post is judged by. They change with the server and the creator, seldom. */
export const rulesQuery = (account: string) =>
  queryOptions({
    queryKey: ['rules', account],
    queryFn: ({ signal }) => answer(api.GET('/accounts/{id}/rules', { params: { path: { id: account } }, signal })),
    enabled: account !== '',
    staleTime: 10 * 60_000,
    gcTime: 60 * 60_000,
  })

export const postsQuery = (filter: PostFilter) =>
  queryOptions({ queryKey: ['posts', filter], queryFn: ({ signal }) => answer(api.GET('/posts', { params: { query: filter }, signal })) })

type CauseFilter = NonNullable<paths['/posts/causes']['get']['parameters']['query']>

/** Why posts did not go out, or wait, counted by the reason. */
export const causesQuery = (filter: CauseFilter) =>
  queryOptions({ queryKey: ['posts', 'causes', filter], queryFn: ({ signal }) => answer(api.GET('/posts/causes', { params: { query: filter }, signal })) })

type CalendarRange = NonNullable<paths['/calendar']['get']['parameters']['query']>

/** What goes out on some days. Whatever changes a post makes it outdated, like every list of posts. */
export const calendarQuery = (range: CalendarRange) =>
  queryOptions({
    queryKey: ['posts', 'calendar', range],
    queryFn: ({ signal }) => answer(api.GET('/calendar', { params: { query: range }, signal })),
  })

type FullDays = NonNullable<paths['/calendar/full']['get']['parameters']['query']>

/** Which days are nearly full or too full of posts. */
export const fullDaysQuery = (ask: FullDays) =>
  queryOptions({ queryKey: ['posts', 'full', ask], queryFn: ({ signal }) => answer(api.GET('/calendar/full', { params: { query: ask }, signal })) })

/** The weekly times of an account's queue. */
export const slotsQuery = (account: string) =>
  queryOptions({ queryKey: ['slots', account], queryFn: ({ signal }) => answer(api.GET('/slots', { params: { query: { account_id: account } }, signal })) })

type SlotTimes = NonNullable<paths['/slots/times']['get']['parameters']['query']>

/** When slots fall, and what goes out then. */
export const slotTimesQuery = (ask: SlotTimes) =>
  queryOptions({ queryKey: ['slots', 'times', ask], queryFn: ({ signal }) => answer(api.GET('/slots/times', { params: { query: ask }, signal })) })

export const snippetsQuery = () => queryOptions({ queryKey: ['snippets'], queryFn: ({ signal }) => answer(api.GET('/snippets', { signal })) })

export const labelsQuery = () => queryOptions({ queryKey: ['labels'], queryFn: ({ signal }) => answer(api.GET('/labels', { signal })) })

export const templatesQuery = () => queryOptions({ queryKey: ['templates'], queryFn: ({ signal }) => answer(api.GET('/templates', { signal })) })

/** What a post was after each change. */
export const versionsQuery = (id: string) =>
  queryOptions({ queryKey: ['post', id, 'versions'], queryFn: ({ signal }) => answer(api.GET('/posts/{id}/versions', { params: { path: { id } }, signal })), enabled: id !== '' })

export const postQuery = (id: string) =>
  queryOptions({
    queryKey: ['post', id],
    queryFn: ({ signal }) => answer(api.GET('/posts/{id}', { params: { path: { id } }, signal })),
    enabled: id !== '',
  })

export const postEntriesQuery = (id: string) =>
  queryOptions({
    queryKey: ['post', id, 'journal'],
    queryFn: ({ signal }) => answer(api.GET('/posts/{id}/journal', { params: { path: { id }, query: { limit: 200 } }, signal })),
    enabled: id !== '',
  })

export const attemptsQuery = (id: string) =>
  queryOptions({
    queryKey: ['post', id, 'attempts'],
    queryFn: ({ signal }) => answer(api.GET('/posts/{id}/attempts', { params: { path: { id } }, signal })),
    enabled: id !== '',
  })

/** The consent ledger of a post, oldest first. */
export const consentsQuery = (id: string) =>
  queryOptions({
    queryKey: ['post', id, 'consents'],
    queryFn: ({ signal }) => answer(api.GET('/posts/{id}/consents', { params: { path: { id } }, signal })),
    enabled: id !== '',
  })

export const mediaListQuery = (filter: MediaFilter) =>
  queryOptions({ queryKey: ['media', filter], queryFn: ({ signal }) => answer(api.GET('/media', { params: { query: filter }, signal })) })

export const mediaQuery = (id: string) =>
  queryOptions({
    queryKey: ['file', id],
    queryFn: ({ signal }) => answer(api.GET('/media/{id}', { params: { path: { id } }, signal })),
    enabled: id !== '',
  })

/** The posts that have a file, newest first; only those that keep it from being deleted, if asked. */
export const mediaPostsQuery = (id: string, waiting = false) =>
  queryOptions({
    queryKey: ['library', 'posts', id, waiting],
    queryFn: ({ signal }) => answer(api.GET('/media/{id}/posts', { params: { path: { id }, query: { limit: 100, ...(waiting ? { waiting } : {}) } }, signal })),
    enabled: id !== '',
  })

export const tagsQuery = () => queryOptions({ queryKey: ['library', 'tags'], queryFn: ({ signal }) => answer(api.GET('/media/tags', { signal })) })

export const mediaUsageQuery = () => queryOptions({ queryKey: ['library', 'usage'], queryFn: ({ signal }) => answer(api.GET('/media/usage', { signal })) })

/** What was made of a file, or is being made, so that it fits. */
export const conversionsQuery = (media: string) =>
  queryOptions({
    queryKey: ['media', media, 'conversions'],
    queryFn: ({ signal }) => answer(api.GET('/media/{id}/conversions', { params: { path: { id: media } }, signal })),
    enabled: media !== '',
  })

export const keysQuery = () => queryOptions({ queryKey: ['keys'], queryFn: ({ signal }) => answer(api.GET('/keys', { signal })) })

export const sessionsQuery = () => queryOptions({ queryKey: ['sessions'], queryFn: ({ signal }) => answer(api.GET('/sessions', { signal })) })

/** Where one gets mail. The link that confirms an address is opened in another tab. */
export const mailQuery = () =>
  queryOptions({ queryKey: ['mail'], queryFn: ({ signal }) => answer(api.GET('/mail', { signal })), staleTime: 0, refetchOnWindowFocus: 'always' })

export const policyNewsQuery = () => queryOptions({ queryKey: ['policy-news'], queryFn: ({ signal }) => answer(api.GET('/policy/news', { signal })), staleTime: Infinity })

export const retentionQuery = () => queryOptions({ queryKey: ['retention'], queryFn: ({ signal }) => answer(api.GET('/retention', { signal })) })

export const exportsQuery = () => queryOptions({ queryKey: ['exports'], queryFn: ({ signal }) => answer(api.GET('/exports', { signal })) })

/** Files that are not complete, wherever they are coming from. */
export const uploadsQuery = () =>
  queryOptions({ queryKey: ['uploads'], queryFn: ({ signal }) => answer(api.GET('/uploads', { signal })), staleTime: 0 })

/** What everybody should know now, such as that publishing is held. Usually nothing. */
export const noticesQuery = () => queryOptions({ queryKey: ['notices'], queryFn: ({ signal }) => answer(api.GET('/notices', { signal })) })
