import type { Upload } from 'tus-js-client'
import { untrack } from 'svelte'
import type { Media } from '../api/client.ts'
import { session, sessionEnded } from '../api/session.svelte.ts'
import { fingerprint } from './fingerprint.ts'
import { maybeKnown, sameBytes } from './known.ts'
import { Lines } from './line.ts'
import { pictureOf, sendPoster } from './poster.ts'
import { Rate } from './rate.ts'
import { troubleOf, type Bad } from './trouble.ts'
import { goOnFromBefore, protocol, uploadOf } from './tus.ts'
import { begunBefore } from './unfinished.ts'
import { MediaWatch } from './watch.svelte.ts'

/**
 * lined-up: its turn has not come · recognising: hashed first, to see whether the file is here already · sending · paused: by the person · waiting: interrupted, goes
 * on by itself · arrived: all bytes are there (what became of them says the media) · failed: only a person can help.
 */
export type TransferState = 'lined-up' | 'recognising' | 'sending' | 'paused' | 'waiting' | 'arrived' | 'failed'

// Hashing a candidate below this takes less than a second; above it the upload begins meanwhile.
const hashedFirst = 96_000_000
const stalledAfter = 30_000

// By size and samples.
const lines = new Lines<Transfer>()

/** One file on its way to the server. It lives as long as the page, whatever screen one looks at. */
export class Transfer {
  readonly file: File
  /** Shows the file at once, without the server. */
  readonly url: string
  state = $state<TransferState>('lined-up')
  sent = $state(0)
  perSecond = $state(0)
  /** Why it waits or failed, in a sentence. */
  words = $state('')
  /** It can never succeed, so there is nothing to try again. */
  hopeless = $state(false)
  mediaId = $state('')
  /** Another transfer that seems to bring the same bytes: this one waits for it in line, and then need not travel. */
  behind = $state.raw<Transfer>()
  /** The file was in the workspace before, and nothing needed to travel. */
  known = $state<Media>()
  #watch = $state<MediaWatch>()
  #upload: Upload | undefined
  #beginning = false
  #print = ''
  /** The server was asked for an upload and has perhaps begun one, though its answer did not come. */
  #asked = false
  #rate = new Rate()
  #row = 0 // how often it went wrong in a row
  #again = 0
  #stalled = 0
  #ended = new AbortController()
  #discarded = $state(false)
  #unwatch: () => void

  constructor(file: File) {
    this.file = file
    this.url = URL.createObjectURL(file)
    this.#unwatch = $effect.root(() => {
      // Only being signed in again is news here; an ordinary interruption has its own time to wait.
      $effect(() => {
        if (!session.ended) untrack(() => this.nudge())
      })
      $effect(() => {
        const media = this.media
        if (media) untrack(() => void this.#picture(media))
      })
    })
  }

  /** Begins, unless it has begun already. */
  begin(): void {
    if (this.state !== 'lined-up' || this.waitsInLine) return
    if (this.#upload && !this.#beginning) return this.#goOn()
    this.state = 'recognising'
    if (!this.#beginning) void this.#begin()
  }

  /** Goes on when its turn comes, after it was paused or failed. */
  lineUp(): void {
    if (this.hopeless || (this.state !== 'paused' && this.state !== 'failed')) return
    this.state = 'lined-up'
    this.words = ''
  }

  /** Notes why it need not begin at all. */
  refuse(words: string): void {
    this.state = 'failed'
    this.words = words
    this.hopeless = true
  }

  /** The file as the server describes it, once it knows it. */
  get media(): Media | undefined {
    return this.#watch?.media
  }

  /** Nothing more will become of it: it is here and checked, or it did not get here. */
  get over(): boolean {
    return this.#discarded || this.state === 'failed' || (this.state === 'arrived' && (this.media?.status === 'ready' || this.media?.status === 'rejected'))
  }

  /** Its turn does not come before the one with the same bytes is over. */
  get waitsInLine(): boolean {
    return this.state === 'lined-up' && this.behind !== undefined && !this.behind.over
  }

  get busy(): boolean {
    return this.state === 'recognising' || this.state === 'sending' || this.state === 'waiting'
  }

  /** 0 to 1. */
  get progress(): number {
    return this.state === 'arrived' ? 1 : this.file.size > 0 ? this.sent / this.file.size : 0
  }

  pause(): void {
    if (!this.busy) return
    this.state = 'paused'
    this.#halt()
  }

  resume(): void {
    if (this.hopeless) return
    if (this.state === 'lined-up') this.begin()
    else if (this.#beginning) this.state = 'recognising' // which goes on by itself
    else if (this.state === 'paused' || this.state === 'failed' || this.state === 'waiting') this.#goOn()
  }

  /** Ends it and forgets what arrived. What arrived completely stays in the library. */
  discard(): void {
    this.#ended.abort()
    this.#discarded = true
    const unfinished = this.state !== 'arrived'
    this.#halt()
    if (unfinished) void this.#upload?.abort(true).catch(() => undefined)
    this.#unwatch()
    this.#watch?.stop()
    URL.revokeObjectURL(this.url)
  }

  /** The network is back: do not wait any longer. */
  nudge(): void {
    if (this.state === 'waiting' && !this.#beginning && !session.ended) this.#goOn()
  }

  async #begin(): Promise<void> {
    this.#beginning = true
    const [tus, print] = await Promise.all([protocol(this.#ended.signal, () => this.#withoutProtocol()), fingerprint(this.file).catch(() => '')])
    if (!tus) return
    if (this.state === 'waiting') this.state = 'recognising'
    this.#print = print
    if (print && this.#fallIn(`${this.file.size} ${print}`)) return
    const upload = uploadOf(tus, this.file, print, {
      asked: () => (this.#asked = true),
      media: (id) => this.#is(id),
      progress: (sent) => this.#progress(sent),
      arrived: () => this.#arrive(),
      trouble: (bad) => this.#trouble(bad),
    })
    this.#upload = upload
    if (!(await goOnFromBefore(upload, this.file, print))) await this.#recognise(print)
    this.#begun()
  }

  #begun(): void {
    this.#beginning = false
    // Somebody may have paused it meanwhile, and gone on.
    if ((this.state === 'recognising' || this.state === 'sending') && !this.#ended.signal.aborted) this.#goOn()
  }

  /** Takes up the upload that the server began when its answer did not come. A second one would leave the first behind. */
  async #adopt(upload: Upload): Promise<void> {
    this.#beginning = true
    const begun = this.#print ? await begunBefore(this.file, this.#print) : undefined
    if (begun) upload.url = begun.url
    this.#asked = false
    this.#begun()
  }

  /** Gets in line behind a transfer that brings the same bytes, unless it is the one that others wait for. */
  #fallIn(bytes: string): boolean {
    const first = lines.join(bytes, this)
    if (!first) return false
    this.#beginning = false
    this.behind = first
    if (this.state === 'recognising') this.state = 'lined-up'
    return true
  }

  /** Looks whether the workspace has exactly this file already. If not, or if it cannot be told, the upload goes on. */
  async #recognise(print: string): Promise<void> {
    try {
      if (!(await maybeKnown(this.file, print))) return
      const compared = this.#compare()
      if (this.file.size <= hashedFirst) await compared
    } catch {
      // Recognition only saves time; without it the file travels.
    }
  }

  async #compare(): Promise<void> {
    try {
      const media = (await sameBytes(this.file, this.#ended.signal)).find((m) => m.id !== this.mediaId)
      if (!media || this.state === 'arrived' || this.#ended.signal.aborted) return
      this.#halt()
      if (this.mediaId) void this.#upload?.abort(true).catch(() => undefined)
      this.known = media
      this.#is(media.id)
      this.state = 'arrived'
    } catch {
      // As above.
    }
  }

  #withoutProtocol(): void {
    if (this.state !== 'recognising') return
    this.state = 'waiting'
    this.words = 'The connection is down. It goes on by itself.'
  }

  #goOn(): void {
    this.#halt()
    this.state = 'sending'
    this.words = ''
    this.#rate.reset()
    if (this.#asked && this.#upload && !this.#upload.url) return void this.#adopt(this.#upload)
    this.#upload?.start()
    this.#watchForStall()
  }

  #halt(): void {
    window.clearTimeout(this.#again)
    window.clearTimeout(this.#stalled)
    this.perSecond = 0
    void this.#upload?.abort().catch(() => undefined)
  }

  #progress(sent: number): void {
    if (this.state !== 'sending') return
    if (sent > this.sent) this.#row = 0
    this.sent = sent
    this.#rate.mark(performance.now(), sent)
    this.perSecond = this.#rate.perSecond
    this.#watchForStall()
  }

  // A connection that died while the laptop slept does not always say so.
  #watchForStall(): void {
    window.clearTimeout(this.#stalled)
    this.#stalled = window.setTimeout(() => this.state === 'sending' && this.#goOn(), stalledAfter)
  }

  #arrive(): void {
    window.clearTimeout(this.#stalled)
    this.state = 'arrived'
    this.sent = this.file.size
    this.perSecond = 0
    this.words = ''
  }

  #trouble(bad: Bad): void {
    window.clearTimeout(this.#stalled)
    this.perSecond = 0
    const next = troubleOf(bad, this.#row++)
    this.state = next.kind === 'over' ? 'failed' : 'waiting'
    switch (next.kind) {
      case 'signed-out':
        this.words = 'You are signed out. Sign in again, and it goes on.'
        sessionEnded()
        break
      case 'again':
        this.words = next.words
        this.#again = window.setTimeout(() => this.nudge(), next.afterMs)
        break
      case 'over':
        this.words = next.words
    }
  }

  #is(id: string): void {
    if (this.mediaId === id) return
    this.mediaId = id
    this.#watch?.stop()
    this.#watch = new MediaWatch(id)
  }

  #pictured = false

  /** Where the server cannot make pictures of videos, this browser gives it one. */
  async #picture(media: Media): Promise<void> {
    if (this.#pictured || media.kind !== 'video' || media.status !== 'ready' || media.poster_url) return
    this.#pictured = true
    try {
      await sendPoster(media.id, await pictureOf(this.url))
    } catch {
      // A file that this browser cannot play keeps its plain ground.
    }
  }
}
