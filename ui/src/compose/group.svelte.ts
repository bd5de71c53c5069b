import type { Account, Creator } from '../api/client.ts'
import { SvelteMap } from 'svelte/reactivity'
import { Composition } from './composition.svelte.ts'
import { newGroupId } from './groupid.ts'
import type { Need } from './needs.ts'

/** What accounts have in common until it is changed for one of them. */
export type Part = 'caption' | 'when' | 'media'

/**
 * Posts that are written together, one for each account. What is written for one is written for all, but for the parts that an
 * account has of its own. Choices that a creator must make are never taken over by themselves.
 */
export class Group {
  members = $state.raw<Composition[]>([])
  at = $state(0)
  readonly #own = new SvelteMap<Composition, Part[]>()
  #id = ''

  constructor(first: Composition, others: Composition[] = []) {
    this.members = [first, ...others]
    this.#id = first.group
    // What differs already is meant to differ.
    for (const other of others) {
      const own: Part[] = []
      if (other.caption !== first.caption) own.push('caption')
      if (mediaOf(other) !== mediaOf(first)) own.push('media')
      if (other.when.date && JSON.stringify(other.when) !== JSON.stringify(first.when)) own.push('when')
      if (own.length > 0) this.#own.set(other, own)
    }
  }

  get current(): Composition {
    return this.members[this.at] ?? this.members[0]!
  }

  has(account: string): boolean {
    return this.members.some((m) => m.account === account)
  }

  owns(member: Composition, part: Part): boolean {
    return this.#own.get(member)?.includes(part) ?? false
  }

  /** Keeps a part of the current account apart, or makes it that of the others again. */
  setOwn(part: Part, own: boolean): void {
    const member = this.current
    const parts = (this.#own.get(member) ?? []).filter((p) => p !== part)
    this.#own.set(member, own ? [...parts, part] : parts)
    const other = this.members.find((m) => m !== member && !this.owns(m, part))
    if (!own && other) copy(other, member, part)
  }

  add(account: Account): void {
    if (this.has(account.id)) return
    this.#id ||= newGroupId()
    const member = new Composition()
    member.account = account.id
    for (const part of ['media', 'caption', 'when'] as const) copy(this.current, member, part)
    member.labels = [...this.current.labels]
    this.members = [...this.members, member]
    for (const m of this.members) m.group = this.#id
    this.at = this.members.length - 1
  }

  /** Takes an account out; its draft goes. */
  remove(member: Composition): void {
    if (this.members.length < 2) return
    const at = this.members.indexOf(member)
    this.members = this.members.filter((m) => m !== member)
    if (this.at >= at) this.at = Math.max(0, this.at - 1)
    this.#own.delete(member)
    member.discard()
  }

  /** Gives what an account has to all that have it in common. */
  share(from = this.current): void {
    for (const part of ['media', 'caption', 'when'] as const) {
      if (this.owns(from, part)) continue
      for (const to of this.members) if (to !== from && !this.owns(to, part)) copy(from, to, part)
    }
  }

  stop(): void {
    this.members.forEach((m) => m.stop())
  }
}

function copy(from: Composition, to: Composition, part: Part): void {
  if (part === 'caption') {
    if (to.caption !== from.caption) to.caption = from.caption
  } else if (part === 'when') {
    if (JSON.stringify(to.when) !== JSON.stringify(from.when)) to.when = { ...from.when }
  } else if (from.pieces.length !== to.pieces.length || from.pieces.some((p, i) => p !== to.pieces[i])) to.pieces = [...from.pieces]
}

function mediaOf(c: Composition): string {
  return c.pieces.map((p) => p.mediaId).join()
}

/** What is to be done for one of several accounts. */
export interface MemberNeeds {
  member: Composition
  account?: Account
  creator?: Creator
  needs: Need[]
}
