import { answer, api, Refusal, Unreachable, type Creator, type Due, type Post, type Problem, type Schemas } from '../api/client.ts'
import { postsChanged } from '../api/pages.ts'
import { postQuery, queryClient } from '../api/queries.ts'
import { session } from '../api/session.svelte.ts'
import { toast } from '../shell/toasts.svelte.ts'
import { Check, settle, type Asked } from './check.svelte.ts'
import { Content } from './content.svelte.ts'
import { change, leave, Making, read, retry, took } from './delivery.ts'
import { jsonOf, meeting, sameAs } from './same.ts'
import { forget, keep, kept, own } from './unsaved.ts'
import { wayOf, type Way } from './way.ts'
import { dueOf, whenOf } from './when.ts'

/** clean: the server has it · unsaved: soon · saving · offline: tried, goes on by itself · refused: a person must change something. */
export type Saving = 'clean' | 'unsaved' | 'saving' | 'offline' | 'refused'

const offlineWait = 5_000

/** Posts that a composer was left with while they were being saved, by id: whoever comes back to one goes on where that one is. */
const leaving = new Map<string, Composition>()

/** A post while somebody writes it: how what is on the screen becomes what the server has. */
export class Composition extends Content {
  post = $state<Post>()
  saving = $state<Saving>('clean')
  /** Why the server did not take it, in a sentence. */
  words = $state('')
  /** How far the file is on its way to fit, in percent, while it is being made anew. */
  converting = $state<number>()
  /** Somebody else's version, when both changed the post. */
  theirs = $state<Post>()
  /** The button was pressed at least once, so what is missing may be shown in red. */
  tried = $state(false)

  readonly check = new Check(() => this.#toCheck())
  readonly #localId: string
  #acknowledged = $state('')
  /** What was sent and not answered: the server may have it by now. */
  #sent = $state('')
  /** This browser keeps what is on the screen, since it was opened or changed here. */
  #kept = false
  /** Another composer goes on with the post. */
  #succeeded = false
  readonly #making: Making
  #timer = 0
  #busy: Promise<void> | undefined

  constructor(localId = crypto.randomUUID()) {
    super()
    this.#localId = localId
    this.#making = new Making(localId)
    void own(localId)
    this.#acknowledged = this.json
  }

  get way(): Way {
    return wayOf(this.post)
  }

  /** What the server says is wrong with it as it stands. */
  get problems(): Problem[] {
    return this.check.problems
  }

  /** How each file stands to the limits of the account. */
  get fits(): Schemas['Fit'][] {
    return this.check.fits
  }

  get changed(): boolean {
    const json = this.json
    return json !== this.#acknowledged || (this.#sent !== '' && this.#sent !== json)
  }

  get #key(): string {
    return this.post?.id ?? this.#localId
  }

  /** Shows a post as the server has it, with what was written upon it here and did not get there. */
  open(post: Post): void {
    this.#take(post)
    this.#succeed(leaving.get(post.id))
    const left = kept(post.id)
    if (!left) return
    this.#kept = true
    if (left.changed && (left.base === post.version || left.sent === jsonOf(post))) this.restore(left)
    else if (left.changed && !sameAs(left, post)) {
      this.restore(left)
      this.theirs = post
    } else if (this.way === 'draft') this.when = left.when
  }

  /** Takes over from a composer that was left: what that one sends arrives first, and is no change of somebody else. */
  #succeed(before: Composition | undefined): void {
    if (!before) return
    leaving.delete(before.#key)
    this.#busy = before.#handOver().then((last) => {
      this.#busy = undefined
      if (!last || last.version < (this.post?.version ?? 0)) return
      this.#goOnFrom(last, before.#sent)
    })
  }

  /** Ends once everything that is on its way was answered, with the post as the server has it then. */
  async #handOver(): Promise<Post | undefined> {
    this.#succeeded = true
    while (this.#busy) await this.#busy
    window.clearTimeout(this.#timer)
    return this.post
  }

  /** To be called whenever the fingerprint changed. */
  touched(): void {
    if (this.changed || this.when.date || this.when.mode === 'now') this.#keep()
    else if (this.#kept) forget(this.#key) // what was written and taken back
    if (this.way === 'draft' && this.changed && this.#worthKeeping && !this.theirs) {
      if (this.saving !== 'saving') this.saving = 'unsaved'
      window.clearTimeout(this.#timer)
      this.#timer = window.setTimeout(() => void this.save(), settle)
    } else if (!this.changed && this.saving !== 'saving') this.saving = 'clean'
    this.check.soon()
  }

  /** Sends what the server does not have yet, and waits for the answer. */
  async save(): Promise<void> {
    window.clearTimeout(this.#timer)
    while (this.#busy) await this.#busy
    if (!this.changed || this.theirs) return
    this.#busy = this.#send().finally(() => (this.#busy = undefined))
    await this.#busy
  }

  async #send(): Promise<void> {
    this.saving = 'saving'
    const json = this.json
    const before = this.#sent
    this.#sent = json
    this.#keep()
    try {
      const stays = this.post && this.post.account_id === this.account
      const post = this.post && stays ? await change(this.post, this.body()) : await this.#create(json)
      this.#has(post, json)
    } catch (err) {
      this.#failed(err, before)
    }
  }

  /** Schedules or posts it. Resolves to the post when the server has taken it. */
  async submit(creator: Creator | undefined): Promise<Post | undefined> {
    this.tried = true
    if (this.way === 'draft') await this.save()
    const before = this.post
    if (!before || this.theirs || (this.way === 'draft' && this.changed)) return undefined
    this.saving = 'saving'
    try {
      const body = { ...this.body(creator, true), ...(await this.#due()) }
      const post = this.way === 'retry' ? await retry(before, body) : await change(before, body)
      this.#finish(post)
      return post
    } catch (err) {
      const arrived = err instanceof Unreachable ? await took(before) : undefined
      if (arrived) this.#finish(arrived)
      else this.#failed(err)
      return arrived
    }
  }

  /** Puts labels on it. They are no content: the server has them at once, in whatever state the post is. */
  async label(labels: string[]): Promise<void> {
    if (labels.join() === this.labels.join()) return
    this.labels = labels
    if (this.post) await this.#sendLabels(this.post.id)
  }

  async #sendLabels(id: string): Promise<void> {
    try {
      const { label_ids } = await answer(api.PUT('/posts/{id}/labels', { params: { path: { id } }, body: { label_ids: [...this.labels] } }))
      if (this.post?.id === id) this.post = { ...this.post, label_ids }
    } catch (err) {
      toast(err instanceof Error ? err.message : 'The labels were not saved.', { tone: 'bad' })
    }
    void postsChanged([id])
  }

  /** Settles two versions: mine over theirs, or theirs. */
  async resolve(which: 'mine' | 'theirs'): Promise<void> {
    const theirs = this.theirs
    if (!theirs) return
    this.theirs = undefined
    if (which === 'theirs') {
      forget(this.#key)
      this.#take(theirs)
      return
    }
    this.post = theirs
    // What is here is a change upon theirs, even where nobody touched it since it was saved.
    this.#acknowledged = jsonOf(theirs)
    this.#sent = ''
    this.saving = 'unsaved'
    if (this.way === 'draft') await this.save()
  }

  /** The server has another version than the one this was written upon. */
  learnt(post: Post): void {
    const mine = this.post
    if (!mine || post.id !== mine.id || this.#busy) return
    if (post.version <= mine.version) {
      if (post.label_ids.join() !== mine.label_ids.join()) {
        if (mine.label_ids.join() === this.labels.join()) this.labels = post.label_ids
        this.post = { ...mine, label_ids: post.label_ids }
      }
      if (post.status !== mine.status || post.phase !== mine.phase) this.post = { ...mine, status: post.status, phase: post.phase, hold: post.hold }
      return
    }
    this.#meet(post, this.#sent, this.changed || this.theirs !== undefined)
  }

  /** Gives up a draft that is not wanted any more. Its files go on, for others may show them. */
  discard(): void {
    window.clearTimeout(this.#timer)
    this.check.stop()
    forget(this.#localId)
    leave(this.post)
  }

  stop(): void {
    window.clearTimeout(this.#timer)
    this.check.stop()
    if (this.way === 'draft' && this.changed && this.#worthKeeping) void this.save()
    if (this.#busy && this.post) leaving.set(this.post.id, this)
    this.pieces.forEach((p) => p.stop())
  }

  get #worthKeeping(): boolean {
    return this.account !== '' && (Boolean(this.post) || this.caption.trim() !== '' || this.mediaIds.length > 0)
  }

  async #due(): Promise<{ due?: Due; due_at?: string }> {
    const due = dueOf(this.when)
    if (due) return { due }
    // "Now" by the server's clock, whatever this one says.
    return { due_at: (await answer(api.GET('/me'))).now }
  }

  async #create(json: string): Promise<Post> {
    const { post, of, body } = await this.#making.send(json, { account_id: this.account, ...this.body(), label_ids: [...this.labels] })
    forget(this.#localId)
    leave(this.post)
    if (body.label_ids?.join() !== this.labels.join()) void this.#sendLabels(post.id)
    if (of === json) return post
    this.post = post
    return change(post, this.body())
  }

  #has(post: Post, json: string): void {
    this.post = post
    this.#acknowledged = json
    this.#sent = ''
    this.words = ''
    this.saving = this.changed ? 'unsaved' : 'clean'
    queryClient.setQueryData(postQuery(post.id).queryKey, post)
    if (this.#succeeded) return
    this.#keep()
    if (!this.changed && leaving.get(post.id) === this) leaving.delete(post.id)
  }

  #finish(post: Post): void {
    this.#has(post, this.json)
    this.check.stop()
    forget(post.id)
    void postsChanged([post.id])
    void queryClient.invalidateQueries({ queryKey: ['post', post.id] })
  }

  #failed(err: unknown, before = ''): void {
    if (err instanceof Unreachable || (err instanceof Refusal && (err.status === 401 || err.status >= 500))) {
      this.saving = 'offline'
      this.words = err.message
      window.clearTimeout(this.#timer)
      if (this.way === 'draft' && !this.#succeeded) this.#tryAgain()
      return
    }
    // What was sent before and not answered may be the version that this one met.
    this.#sent = err instanceof Refusal && err.code === 'version_conflict' ? before : ''
    this.saving = 'refused'
    this.words = err instanceof Error ? err.message : ''
    if (!(err instanceof Refusal)) return
    this.check.learn(err)
    if (err.code === 'version_conflict' && this.post) void this.#seeTheirs(this.post, before)
  }

  #tryAgain(): void {
    // Whoever is signed out is asked to sign in; asking the server again would only say the same.
    this.#timer = window.setTimeout(() => (session.ended ? this.#tryAgain() : void this.save()), offlineWait)
  }

  async #seeTheirs(mine: Post, sent: string): Promise<void> {
    const theirs = await read(mine.id)
    if (!theirs) return
    this.#meet(theirs, sent, true)
  }

  #meet(theirs: Post, sent: string, touched: boolean): void {
    switch (meeting(jsonOf(theirs), { sent, screen: this.json, touched })) {
      case 'go-on':
        return this.#goOnFrom(theirs)
      case 'take':
        return this.#take(theirs)
      case 'choose':
        this.theirs = theirs
    }
  }

  /** The server has a version that was sent from here; what is on the screen is a change upon it. */
  #goOnFrom(post: Post, sent = ''): void {
    this.post = post
    this.#acknowledged = jsonOf(post)
    this.#sent = sent
    this.words = ''
    this.touched()
  }

  #toCheck(): Asked | undefined {
    if (!this.account || this.way === 'closed') return undefined
    const due = dueOf(this.when)
    return { post_id: this.post?.id, body: { account_id: this.account, ...this.body(undefined, true), ...(due ? { due } : {}) } }
  }

  #take(post: Post): void {
    this.post = post
    this.copy(post)
    if (post.due && this.way !== 'retry') this.when = whenOf(post.due)
    this.#acknowledged = this.json
    this.#sent = ''
    this.theirs = undefined
    this.saving = 'clean'
    this.words = ''
  }

  #keep(): void {
    this.#kept = true
    keep(this.#key, { at: Date.now(), base: this.post?.version ?? 0, sent: this.#sent, changed: this.changed, ...this.written })
  }
}
