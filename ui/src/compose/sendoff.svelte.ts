import { SvelteMap } from 'svelte/reactivity'
import type { Post } from '../api/client.ts'
import type { Composition } from './composition.svelte.ts'
import type { Group, MemberNeeds } from './group.svelte.ts'

/** How a post fares that is sent off together with others. */
export type Fate = 'sending' | 'taken' | 'refused'

/** The sending of several posts, one after the other, whatever becomes of the one before. */
export class SendOff {
  busy = $state(false)
  /** What became of each, told as soon as it is known. */
  readonly fates = new SvelteMap<Composition, Fate>()
  #taken: Post[] = []

  /** Sends all off, or those that were not taken before. Resolves to the posts once every one of them is taken, else to none. */
  async send(list: MemberNeeds[]): Promise<Post[]> {
    this.busy = true
    for (const { member, creator } of list) {
      if (this.fates.get(member) === 'taken') continue
      this.fates.set(member, 'sending')
      const post = await member.submit(creator)
      this.fates.set(member, post ? 'taken' : 'refused')
      if (post) this.#taken.push(post)
    }
    this.busy = false
    return this.#taken.length === list.length ? this.#taken : []
  }

  /** Leaves the posts behind that were taken: only the others are still to be written. */
  leaveTaken(group: Group): void {
    const left = group.members.filter((m) => this.fates.get(m) !== 'taken')
    if (this.busy || left.length === 0) return
    if (left.length < group.members.length) {
      group.members = left
      group.at = 0
    }
    this.#taken = []
    this.fates.clear()
  }
}
