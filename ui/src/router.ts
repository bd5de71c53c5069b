import { createRouter } from 'sv-router'
import type { Component } from 'svelte'
import Calendar from './calendar/Calendar.svelte'
import { comes } from './shell/coming.svelte.ts'
import NotLoaded from './shell/NotLoaded.svelte'
import Shell from './shell/Shell.svelte'

type Screen = { default: Component<Record<string, never>> }

const patience = 15_000

/**
 * A screen whose code does not come (the connection is down, or the server has newer code by now) is another one that says so: the
 * router itself would wait for ever.
 */
function soon(load: () => Promise<unknown>): Promise<Screen> {
  const late = new Promise<Screen>((resolve) => setTimeout(() => resolve({ default: NotLoaded }), patience))
  return comes(Promise.race([load() as Promise<Screen>, late]).catch(() => ({ default: NotLoaded })))
}

// The calendar is home and comes with the first page, in one piece with the rest: each file more is a request and its headers.
// Other screens are fetched when somebody goes there.
const pages = {
  '/': Calendar,
  '/calendar': Calendar,
  '/compose': () => soon(() => import('./compose/Compose.svelte')),
  '/compose/:id': () => soon(() => import('./compose/Compose.svelte')),
  '/posts': () => soon(() => import('./posts/Posts.svelte')),
  '/posts/:id': () => soon(() => import('./posts/Post.svelte')),
  '/queue': () => soon(() => import('./posts/Posts.svelte')),
  '/slots': () => soon(() => import('./queue/Queue.svelte')),
  '/library': () => soon(() => import('./library/Library.svelte')),
  '/library/:id': () => soon(() => import('./library/Library.svelte')),
  '/activity': () => soon(() => import('./activity/Activity.svelte')),
  '/accounts': () => soon(() => import('./accounts/Accounts.svelte')),
  '/accounts/:id': () => soon(() => import('./accounts/Accounts.svelte')),
  '/settings': () => soon(() => import('./settings/Settings.svelte')),
  '/settings/review': () => soon(() => import('./review/Review.svelte')),
  '/settings/:section': () => soon(() => import('./settings/Settings.svelte')),
} as const

/** The addresses of our screens. */
export const screens: readonly string[] = Object.keys(pages)

export const { p, navigate, isActive, route } = createRouter({
  ...pages,
  ...(__GALLERY__ ? { '/_ui': () => soon(() => import('./gallery/Gallery.svelte')) } : {}),
  '*': () => soon(() => import('./shell/Nowhere.svelte')),
  layout: Shell,
})
