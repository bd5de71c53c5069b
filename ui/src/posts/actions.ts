import { answer, api, type Due, type Post, Refusal, sentence } from '../api/client.ts'
import { postsChanged } from '../api/pages.ts'
import { queryClient } from '../api/queries.ts'
import { instantOf } from '../compose/when.ts'
import { navigate } from '../router.ts'
import { meanwhile, toast } from '../shell/toasts.svelte.ts'
import { dayAndClock } from '../words/time.ts'
import { crowdAt } from './crowd.ts'

/** What may be done with a post in its state. The server decides again; this only keeps useless buttons away. */
export function can(post: Post) {
  const handedOver = post.phase === 'committing' || post.phase === 'processing' || post.phase === 'stopping'
  const open = post.status === 'queued' || (post.status === 'publishing' && !handedOver)
  // TikTok fetches photos itself, so it can still be kept from them.
  const stop = post.status === 'publishing' && handedOver && post.phase !== 'stopping' && post.media.some((f) => f.kind === 'photo')
  return {
    edit: open || post.status === 'draft',
    move: open,
    cancel: open || post.status === 'draft',
    stop,
    retry: post.status === 'failed' || post.status === 'missed',
  }
}

function changed(post: Post): Post {
  queryClient.setQueryData(['post', post.id], post)
  void queryClient.invalidateQueries({ queryKey: ['post', post.id] })
  void postsChanged([post.id])
  return post
}

/** A post that has a new time, and the one it had, where it can have that again: one that did not go out waits no more for it. */
export interface Given {
  post: Post
  back?: Due
}

/** Gives a post a time, whether it waits or did not go out. It throws what the server refuses. */
export async function giveTime(post: Post, due: Due): Promise<Given> {
  const again = post.status === 'failed' || post.status === 'missed'
  const given = await answer(api.POST(again ? '/posts/{id}/retry' : '/posts/{id}/reschedule', { params: { path: { id: post.id } }, body: { due, version: post.version } }))
  return { post: given, back: again ? undefined : post.due }
}

/** Takes times back that were given: what waited has its own again, and what had failed is cancelled, for it cannot fail again. */
export async function takeBack(given: Given[]): Promise<void> {
  const refused: unknown[] = []
  for (const { post, back } of given) {
    try {
      if (back) await giveTime(post, back)
      else await answer(api.POST('/posts/{id}/cancel', { params: { path: { id: post.id } } }))
    } catch (err) {
      refused.push(err)
    }
  }
  await postsChanged(given.map((g) => g.post.id))
  const done = given.length - refused.length
  if (done > 0) toast(given.every((g) => g.back) ? 'All is as it was.' : done === 1 ? 'Cancelled. It will not go out.' : `${done} posts cancelled. They will not go out.`)
  if (refused.length > 0) complain(refused[0])
}

/** Gives a post another time, says so, and offers the way back. It throws what the server refuses. */
export async function move(post: Post, due: Due): Promise<Post> {
  const { post: moved, back } = await giveTime(post, due)
  changed(moved)
  toast(`Moved to ${dayAndClock(new Date(moved.due_at ?? ''), due.zone)}.`, {
    action: back ? { words: 'Undo', run: () => void move(moved, back).catch(complain) } : undefined,
  })
  return moved
}

/** Says that there are many posts around the time a post was moved to, and offers the nearest time with room. */
export async function warnIfCrowded(moved: Post): Promise<void> {
  const crowd = moved.due && (await crowdAt(moved, moved.due))
  if (!crowd) return
  const free = crowd.free
  toast(crowd.message, {
    action: free ? { words: `Move to ${dayAndClock(instantOf(free), free.zone)}`, run: () => void move(moved, free).catch(complain) } : undefined,
  })
}

/** Cancels a post and says what is true afterwards: that it never goes out, or that it was too late. */
export async function cancel(post: Post): Promise<void> {
  try {
    changed(await answer(api.POST('/posts/{id}/cancel', { params: { path: { id: post.id } } })))
    toast('Cancelled. It will not go out.')
  } catch (err) {
    complain(err)
    void queryClient.invalidateQueries({ queryKey: ['post', post.id] })
  }
}

/** Says that an unconfirmed post is not out, on the word of a person who looked. It has failed then, and can be scheduled again. */
export async function release(post: Post): Promise<void> {
  try {
    changed(await answer(api.POST('/posts/{id}/release', { params: { path: { id: post.id } }, body: { duplicate_possible: true, version: post.version } })))
    toast('The post is free. Choose a new time for it.')
  } catch (err) {
    complain(err)
  }
}

/** Makes a draft with the same content and opens it. Time and consent are asked for anew: they were given for one post. */
export async function duplicate(post: Post): Promise<void> {
  try {
    const copy = changed(await meanwhile('Making a copy…', answer(api.POST('/posts/{id}/duplicate', { params: { path: { id: post.id } } }))))
    await navigate('/compose/:id', { params: { id: copy.id } })
  } catch (err) {
    complain(err)
  }
}

/** Deletes a draft for good. Its files stay. Whoever looks at its page is led to the other drafts. */
export async function discard(draft: Post, onPage: boolean): Promise<void> {
  try {
    await answer(api.DELETE('/posts/{id}', { params: { path: { id: draft.id } } }))
    toast('The draft was discarded.')
    if (onPage) await navigate('/posts', { search: { view: 'drafts' } })
  } catch (err) {
    complain(err)
  }
  await postsChanged([draft.id])
}

/** Says why something was refused; where a fresh sign-in is missing it offers one that leads back here. */
export function complain(err: unknown): void {
  const stepUp = err instanceof Refusal && err.code === 'step_up_required'
  const back = encodeURIComponent(location.pathname + location.search)
  toast(sentence(err), {
    tone: 'bad',
    action: stepUp ? { words: 'Sign in again', run: () => location.assign(`/sign-in?return_to=${back}`) } : undefined,
  })
}
