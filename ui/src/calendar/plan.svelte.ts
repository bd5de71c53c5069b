import { SvelteMap, SvelteSet } from 'svelte/reactivity'
import { answer, api, type Due, type Post } from '../api/client.ts'
import { postsChanged } from '../api/pages.ts'
import { queryClient } from '../api/queries.ts'
import { instantOf } from '../compose/when.ts'
import { can, complain, warnIfCrowded } from '../posts/actions.ts'
import { toast } from '../shell/toasts.svelte.ts'
import { dayAndClock } from '../words/time.ts'

/** What is being dragged over the calendar: posts, or something that a new post is to be made of. */
export type Cargo = { posts: Post[]; held: Post } | { draft: Post } | { media: string }

/** How many requests are under way at a time when many posts are changed. */
const atOnce = 6

/** What a person does to the posts of a calendar: choosing, moving, cancelling and duplicating many, each with its way back. */
export class Plan {
  /** Chosen posts, by id. */
  readonly chosen = new SvelteMap<string, Post>()
  /** Posts as they will be: shown at their new time until the server's own answer says so. */
  readonly moved = new SvelteMap<string, Post>()
  /** Posts that were cancelled here a moment ago, and are not shown any more. */
  readonly gone = new SvelteSet<string>()
  cargo = $state<Cargo>()
  busy = $state(0)

  get posts(): Post[] {
    return [...this.chosen.values()]
  }

  toggle(post: Post): void {
    if (!this.chosen.delete(post.id)) this.chosen.set(post.id, post)
  }

  clear(): void {
    this.chosen.clear()
  }

  /** What is dragged with a post: all that are chosen when it is one of them. */
  take(post: Post): void {
    const all = this.chosen.has(post.id) ? this.posts.filter((p) => can(p).move) : [post]
    this.cargo = { posts: all, held: post }
  }

  /** Gives posts other times. They are shown there at once; those that the server refuses go back, and it is said why. */
  async move(list: { post: Post; due: Due }[]): Promise<void> {
    if (list.length === 0) return
    for (const { post, due } of list) this.moved.set(post.id, { ...post, due, due_at: instantOf(due).toISOString() })
    const done: { post: Post; back?: Due }[] = []
    const refused = await this.#each(list, async ({ post, due }) => {
      const now = await answer(api.POST('/posts/{id}/reschedule', { params: { path: { id: post.id } }, body: { due, version: post.version } }))
      done.push({ post: now, back: post.due })
      if (this.chosen.has(post.id)) this.chosen.set(post.id, now)
    })
    await this.#settle(list.map((l) => l.post))
    const one = done.length === 1 ? done[0]?.post : undefined
    const words = one ? `Moved to ${dayAndClock(new Date(one.due_at ?? ''), one.due?.zone)}.` : `${count(done.length, 'post')} moved.`
    const undo = done.filter((d) => d.back)
    if (done.length > 0) {
      toast(words, { action: undo.length > 0 ? { words: 'Undo', run: () => void this.move(undo.map((d) => ({ post: d.post, due: bare(d.back!) }))) } : undefined })
    }
    if (one) void warnIfCrowded(one)
    if (refused.length > 0) complain(refused[0])
  }

  /** Cancels posts. What was cancelled can be taken back. */
  async cancel(posts: Post[]): Promise<void> {
    const drafts = posts.filter((p) => p.status === 'draft')
    const waiting = posts.filter((p) => p.status !== 'draft' && can(p).cancel)
    posts.forEach((p) => this.gone.add(p.id))
    const done: Post[] = []
    const refused = await this.#each(waiting, async (post) => {
      done.push(await answer(api.POST('/posts/{id}/cancel', { params: { path: { id: post.id } } })))
    })
    refused.push(...await this.#each(drafts, async (post) => {
      await answer(api.DELETE('/posts/{id}', { params: { path: { id: post.id } } }))
    }))
    this.clear()
    await this.#settle(posts)
    if (done.length > 0) {
      toast(done.length === 1 ? 'Cancelled. It will not go out.' : `${count(done.length, 'post')} cancelled. They will not go out.`, {
        action: { words: 'Undo', run: () => void this.#restore(done) },
      })
    }
    if (refused.length > 0) complain(refused[0])
  }

  /** Makes drafts with the same content. */
  async duplicate(posts: Post[]): Promise<void> {
    const made: Post[] = []
    const refused = await this.#each(posts, async (post) => {
      made.push(await answer(api.POST('/posts/{id}/duplicate', { params: { path: { id: post.id } } })))
    })
    this.clear()
    await this.#settle([])
    if (made.length > 0) {
      toast(`${count(made.length, 'draft')} made. They wait in the drafts.`, {
        action: { words: 'Undo', run: () => void this.#each(made, (p) => answer(api.DELETE('/posts/{id}', { params: { path: { id: p.id } } }))).then(() => this.#settle([])) },
      })
    }
    if (refused.length > 0) complain(refused[0])
  }

  async #restore(posts: Post[]): Promise<void> {
    const refused = await this.#each(posts, async (post) => {
      await answer(api.POST('/posts/{id}/restore', { params: { path: { id: post.id } }, body: { version: post.version } }))
    })
    await this.#settle(posts)
    if (refused.length > 0) complain(refused[0])
    if (refused.length < posts.length) toast(`${count(posts.length - refused.length, 'post')} scheduled again.`)
  }

  /** Does something for each, some at a time, and returns what was thrown. */
  async #each<T>(list: T[], run: (item: T) => Promise<unknown>): Promise<unknown[]> {
    const refused: unknown[] = []
    const rest = [...list]
    this.busy++
    const worker = async (): Promise<void> => {
      for (let item = rest.shift(); item !== undefined; item = rest.shift()) {
        try {
          await run(item)
        } catch (err) {
          refused.push(err)
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(atOnce, list.length) }, worker))
    this.busy--
    return refused
  }

  /** Lets the server's answer take the place of what was shown ahead of it. */
  async #settle(posts: Post[]): Promise<void> {
    posts.forEach((p) => void queryClient.invalidateQueries({ queryKey: ['post', p.id] }))
    await postsChanged(posts.map((p) => p.id))
    posts.forEach((p) => {
      this.moved.delete(p.id)
      this.gone.delete(p.id)
    })
  }
}

/** Only what a person chooses of a time; the rest is the server's to say. */
function bare(due: Due): Due {
  return { local: due.local, zone: due.zone, ...(due.fold ? { fold: due.fold } : {}) }
}

function count(n: number, noun: string): string {
  return n === 1 ? `1 ${noun}` : `${n} ${noun}s`
}
