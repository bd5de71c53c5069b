import { answer, api, Refusal, Unreachable, type Creator, type Due, type Post, type Problem, type Schemas } from '../api/client.ts'
import { postsChanged } from '../api/pages.ts'
import { postQuery, queryClient } from '../api/queries.ts'
import { fromOptions, toOptions, unanswered, type Answers, type MediaKind } from '../panels/tiktok/answers.ts'
import { session } from '../api/session.svelte.ts'
import { toast } from '../shell/toasts.svelte.ts'
import { Piece } from '../upload/piece.svelte.ts'
import type { Transfer } from '../upload/transfer.svelte.ts'
import { bringing } from '../upload/transfers.svelte.ts'
import { change, leave, Making, read, retry, took } from './delivery.ts'
import { moved } from './order.ts'
import { jsonOf, said, sameAs } from './same.ts'
import { forget, keep, kept, own, type Unsaved } from './unsaved.ts'
import { dueOf, unsaid, whenOf, type When } from './when.ts'

/** clean: the server has it · unsaved: soon · saving · offline: tried, goes on by itself · refused: a person must change something. */
export type Saving = 'clean' | 'unsaved' | 'saving' | 'offline' | 'refused'

/** How a post is saved: a draft by itself, a scheduled one when the person says so, an ended one by being scheduled anew. */
export type Way = 'draft' | 'change' | 'retry' | 'closed'

const settle = 700
const offlineWait = 5_000

/** Posts that a composer was left with while they were being saved, by id: whoever comes back to one goes on where that one is. */
const leaving = new Map<string, Composition>()

/** A post while somebody writes it: what is on the screen, what the server has, and how the one becomes the other. */
export class Composition {
  post = $state<Post>()
  account = $state('')
  /** The same for posts that are written together; empty for one that is written alone. */
  group = $state('')
  pieces = $state<Piece[]>([])
  caption = $state('')
  answers = $state<Answers>(unanswered())
  when = $state<When>(unsaid())
  /** What it is found again by; never sent. */
  labels = $state<string[]>([])
  /** The photo that is looked at, in the strip and in the preview. */
  shown = $state(0)

  saving = $state<Saving>('clean')
  /** Why the server did not take it, in a sentence. */
  words = $state('')
  /** What the server says is wrong with it as it stands. */
  problems = $state<Problem[]>([])
  /** How each file stands to the limits of the account. */
  fits = $state<Schemas['Fit'][]>([])
  /** How far the file is on its way to fit, in percent, while it is being made anew. */
  converting = $state<number>()
  /** Somebody else's version, when both changed the post. */
  theirs = $state<Post>()
  /** The button was pressed at least once, so what is missing may be shown in red. */
  tried = $state(false)

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
  #checkTimer = 0
  #checks = 0
  #busy: Promise<void> | undefined

  constructor(localId = crypto.randomUUID()) {
    this.#localId = localId
    this.#making = new Making(localId)
    void own(localId)
    this.#acknowledged = this.#json()
  }

  get way(): Way {
    switch (this.post?.status) {
      case undefined:
      case 'draft':
        return 'draft'
      case 'queued':
        return 'change'
      case 'publishing':
        return this.post.phase === 'committing' || this.post.phase === 'processing' || this.post.phase === 'stopping' ? 'closed' : 'change'
      case 'failed':
      case 'missed':
        return 'retry'
      default:
        return 'closed'
    }
  }

  get kind(): MediaKind {
    return this.pieces[0]?.kind ?? 'video'
  }

  get changed(): boolean {
    const json = this.#json()
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
    if (left.changed && (left.base === post.version || left.sent === jsonOf(post))) this.#put(left)
    else if (left.changed && !sameAs(left, post)) {
      this.#put(left)
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

  /** Goes on with a new post that never reached the server. */
  restore(left: Unsaved): void {
    this.#put(left)
  }

  add(transfer: Transfer): void {
    if (this.pieces.some((p) => p.transfer === transfer)) return
    const piece = new Piece(transfer)
    const photos = piece.kind === 'photo' && this.pieces.every((p) => p.kind === 'photo')
    // The bytes of a file that came to a halt go on in its place.
    const at = this.pieces.findIndex((p) => p.stranded && p.name === transfer.file.name)
    if (at >= 0) this.pieces[at] = piece
    else this.pieces = photos ? [...this.pieces, piece] : [piece]
  }

  addKnown(id: string): void {
    if (!this.pieces.some((p) => p.mediaId === id)) this.pieces = [...this.pieces, new Piece(bringing(id) ?? id)]
  }

  remove(piece: Piece): void {
    piece.stop()
    const cover = this.pieces[this.answers.coverIndex]
    this.pieces = this.pieces.filter((p) => p !== piece)
    this.answers.coverIndex = Math.max(0, cover ? this.pieces.indexOf(cover) : 0)
    this.shown = Math.max(0, Math.min(this.shown, this.pieces.length - 1))
  }

  /** Puts another file of the workspace in the place of one, such as the one that was made of it. */
  replace(piece: Piece, id: string): void {
    const at = this.pieces.indexOf(piece)
    if (at < 0) return
    piece.stop()
    this.pieces = this.pieces.with(at, new Piece(bringing(id) ?? id))
  }

  /** Puts a photo at another place. The first photo is the cover, wherever it came from, until another one is chosen; that one stays it. */
  move(piece: Piece, to: number): void {
    const from = this.pieces.indexOf(piece)
    if (from < 0 || to < 0 || to >= this.pieces.length || to === from) return
    const cover = this.answers.coverIndex > 0 ? this.pieces[this.answers.coverIndex] : undefined
    const shown = this.pieces[this.shown]
    const order = moved(this.pieces, piece, to)
    this.pieces = order
    this.answers.coverIndex = Math.max(0, cover ? order.indexOf(cover) : 0)
    this.shown = Math.max(0, shown ? order.indexOf(shown) : 0)
  }

  /** Stands for everything on the screen: another one means that something changed. */
  get fingerprint(): string {
    return JSON.stringify([this.#json(), this.when, this.labels, this.pieces.map((p) => p.media?.status)])
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
    window.clearTimeout(this.#checkTimer)
    this.#checkTimer = window.setTimeout(() => void this.#check(), settle)
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
    const json = this.#json()
    const before = this.#sent
    this.#sent = json
    this.#keep()
    try {
      const stays = this.post && this.post.account_id === this.account
      const post = this.post && stays ? await change(this.post, this.#content()) : await this.#create(json)
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
      const body = { ...this.#content(creator, true), ...(await this.#due()) }
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

  /** Shows what the post was. A draft is saved so; of any other the person says when. */
  bringBack(was: { caption: string; media: string[]; answers: Answers; due?: Due }): void {
    this.caption = was.caption
    this.answers = was.answers
    this.#show(was.media)
    if (was.due) this.when = whenOf(was.due)
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
    } else if (this.#sent !== '' && jsonOf(post) === this.#sent) this.#goOnFrom(post)
    else if ((this.changed || this.theirs) && !this.#says(post)) this.theirs = post // and a person chooses
    else this.#take(post)
  }

  /** Gives up a draft that is not wanted any more. Its files go on, for others may show them. */
  discard(): void {
    window.clearTimeout(this.#timer)
    window.clearTimeout(this.#checkTimer)
    forget(this.#localId)
    leave(this.post)
  }

  stop(): void {
    window.clearTimeout(this.#timer)
    window.clearTimeout(this.#checkTimer)
    if (this.way === 'draft' && this.changed && this.#worthKeeping) void this.save()
    if (this.#busy && this.post) leaving.set(this.post.id, this)
    this.pieces.forEach((p) => p.stop())
  }

  get #worthKeeping(): boolean {
    return this.account !== '' && (Boolean(this.post) || this.caption.trim() !== '' || this.#mediaIds.length > 0)
  }

  get #mediaIds(): string[] {
    return this.pieces.map((p) => p.mediaId).filter(Boolean)
  }

  #content(creator?: Creator, consent = false) {
    const tiktok = toOptions(this.answers, this.kind, creator)
    const group = this.group ? { group_id: this.group } : {}
    return { media_ids: this.#mediaIds, caption: this.caption, ...group, options: { tiktok: consent ? { ...tiktok, consent } : tiktok } }
  }

  #json(): string {
    return JSON.stringify([this.account, this.#mediaIds, this.caption, said(this.answers), this.group])
  }

  async #due(): Promise<{ due?: Due; due_at?: string }> {
    const due = dueOf(this.when)
    if (due) return { due }
    // "Now" by the server's clock, whatever this one says.
    return { due_at: (await answer(api.GET('/me'))).now }
  }

  async #create(json: string): Promise<Post> {
    const { post, of, body } = await this.#making.send(json, { account_id: this.account, ...this.#content(), label_ids: [...this.labels] })
    forget(this.#localId)
    leave(this.post)
    if (body.label_ids?.join() !== this.labels.join()) void this.#sendLabels(post.id)
    if (of === json) return post
    this.post = post
    return change(post, this.#content())
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
    this.#has(post, this.#json())
    window.clearTimeout(this.#checkTimer)
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
    this.#sent = ''
    this.saving = 'refused'
    this.words = err instanceof Error ? err.message : ''
    if (!(err instanceof Refusal)) return
    if (err.problems.length > 0) this.problems = err.problems
    else if (err.field) this.problems = [{ code: err.code, field: err.field, message: err.message, remedy: err.remedy, severity: 'block', choices: err.choices }]
    if (err.code === 'version_conflict' && this.post) void this.#seeTheirs(this.post, before)
  }

  #tryAgain(): void {
    // Whoever is signed out is asked to sign in; asking the server again would only say the same.
    this.#timer = window.setTimeout(() => (session.ended ? this.#tryAgain() : void this.save()), offlineWait)
  }

  async #seeTheirs(mine: Post, sent: string): Promise<void> {
    const theirs = await read(mine.id)
    if (!theirs) return
    if (this.#says(theirs)) this.#take(theirs)
    else if (sent !== '' && jsonOf(theirs) === sent) {
      this.#goOnFrom(theirs) // only the answer was lost
    } else this.theirs = theirs
  }

  /** The server has a version that was sent from here; what is on the screen is a change upon it. */
  #goOnFrom(post: Post, sent = ''): void {
    this.post = post
    this.#acknowledged = jsonOf(post)
    this.#sent = sent
    this.touched()
  }

  /** Whether a post is just what is on the screen. */
  #says(post: Post): boolean {
    return this.#json() === jsonOf(post)
  }

  /** Asks what stands in the way, without saving. */
  async #check(): Promise<void> {
    if (!this.account || this.way === 'closed') return
    const turn = ++this.#checks
    const due = dueOf(this.when)
    const body = { account_id: this.account, ...this.#content(undefined, true), ...(due ? { due } : {}) }
    const verdict = await answer(api.POST('/posts/validate', { params: { query: { post_id: this.post?.id } }, body })).catch(() => undefined)
    if (!verdict || turn !== this.#checks) return
    this.problems = verdict.problems
    this.fits = verdict.files
  }

  #take(post: Post): void {
    this.post = post
    this.account = post.account_id
    this.group = post.group_id ?? ''
    this.caption = post.caption
    this.labels = post.label_ids
    this.answers = fromOptions(post.options.tiktok)
    if (post.due && this.way !== 'retry') this.when = whenOf(post.due)
    this.#show(post.media_ids)
    this.#acknowledged = this.#json()
    this.#sent = ''
    this.theirs = undefined
    this.saving = 'clean'
    this.words = ''
  }

  #put(left: Unsaved): void {
    this.account = left.account || this.account
    this.caption = left.caption
    this.labels = left.labels ?? this.labels
    this.answers = left.answers
    this.when = left.when
    this.#show(left.media)
  }

  #show(ids: string[]): void {
    const before = this.pieces
    this.pieces = ids.map((id) => before.find((p) => p.mediaId === id) ?? new Piece(bringing(id) ?? id))
    before.filter((p) => !this.pieces.includes(p)).forEach((p) => p.stop())
  }

  #keep(): void {
    this.#kept = true
    keep(this.#key, this.#unsaved())
  }

  #unsaved(): Unsaved {
    return {
      at: Date.now(), base: this.post?.version ?? 0, sent: this.#sent, changed: this.changed, account: this.account, media: this.#mediaIds,
      caption: this.caption, answers: { ...this.answers }, when: { ...this.when }, labels: [...this.labels],
    }
  }
}
