import type { DetailedError, PreviousUpload, Upload } from 'tus-js-client'
import { untrack } from 'svelte'
import { answer, api, type Media } from '../api/client.ts'
import { session, sessionEnded } from '../api/session.svelte.ts'
import { digest } from './digest.ts'
import { fingerprint } from './fingerprint.ts'
import { pictureOf, sendPoster } from './poster.ts'
import { Rate } from './rate.ts'
import { troubleOf, type Bad } from './trouble.ts'
import { begunBefore } from './unfinished.ts'
import { MediaWatch } from './watch.svelte.ts'

type Protocol = typeof import('tus-js-client')

let spoken: Protocol | undefined

/** Gives transfers the code that speaks tus, so that they need not fetch it; see protocol.ts. */
export function speak(protocol: Protocol): void {
  spoken = protocol
}

/**
 * lined-up: its turn has not come · recognising: hashed first, to see whether the file is here already · sending · paused: by the person · waiting: interrupted, goes
 * on by itself · arrived: all bytes are there (what became of them says the media) · failed: only a person can help.
 */
export type TransferState = 'lined-up' | 'recognising' | 'sending' | 'paused' | 'waiting' | 'arrived' | 'failed'

// Hashing a candidate below this takes less than a second; above it the upload begins meanwhile.
const hashedFirst = 96_000_000
const stalledAfter = 30_000

/** Which transfer brings certain bytes, by size and samples: whoever has the same waits for it instead of sending them twice. */
const bringers = new Map<string, Transfer>()

/** What an upload answers that the protocol's client would otherwise take for "does not exist", and begin anew from byte 0. */
class Refused extends Error {
  constructor(readonly bad: Bad) {
    super('refused')
  }
}

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
    const [tus, print] = await Promise.all([this.#protocol(), fingerprint(this.file).catch(() => '')])
    if (!tus) return
    this.#print = print
    if (print && this.#fallIn(`${this.file.size} ${print}`)) return
    const upload = new tus.Upload(this.file, {
      endpoint: '/uploads/',
      metadata: { filename: this.file.name, filetype: this.file.type, ...(print ? { fingerprint: print } : {}) },
      retryDelays: null, // we decide, see trouble.ts
      storeFingerprintForResuming: true,
      removeFingerprintOnSuccess: true,
      onBeforeRequest: (req) => {
        this.#asked ||= req.getMethod() === 'POST'
      },
      onProgress: (sent) => this.#progress(sent),
      onSuccess: () => this.#arrive(),
      onError: (err) => this.#trouble(err),
      onAfterResponse: (_, res) => {
        const id = res.getHeader('ShipPost-Media-Id')
        if (id) this.#is(id)
        const status = res.getStatus()
        if (status < 300 || status === 404 || status === 410) return
        throw new Refused({ status, retryAfter: res.getHeader('Retry-After'), body: res.getBody() })
      },
    })
    this.#upload = upload
    const before = newest(await upload.findPreviousUploads())
    if (before) upload.resumeFromPreviousUpload(before)
    else {
      const begun = await begunBefore(this.file, print)
      if (begun) upload.url = begun.url
      else await this.#recognise(print)
    }
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
    const first = bringers.get(bytes)
    if (!first || first === this || first.over) {
      bringers.set(bytes, this)
      return false
    }
    this.#beginning = false
    this.behind = first
    if (this.state === 'recognising') this.state = 'lined-up'
    return true
  }

  /** Looks whether the workspace has exactly this file already. If not, or if it cannot be told, the upload goes on. */
  async #recognise(print: string): Promise<void> {
    try {
      const query = { size: this.file.size }
      // A few samples tell almost always that there is no such file; only else is it read as a whole.
      const alike = await answer(api.GET('/media', { params: { query: { ...query, fingerprint: print } } }))
      if (!alike.items.some((m) => m.usable)) return
      const compared = this.#compare(query)
      if (this.file.size <= hashedFirst) await compared
    } catch {
      // Recognition only saves time; without it the file travels.
    }
  }

  async #compare(query: { size: number }): Promise<void> {
    try {
      const sha256 = await digest(this.file, this.#ended.signal)
      const found = await answer(api.GET('/media', { params: { query: { ...query, sha256 } } }))
      const media = found.items.find((m) => m.usable && m.id !== this.mediaId)
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

  /**
   * The code that speaks tus. Where no screen brought it along, it comes with the first file. Undefined once the transfer is over.
   */
  async #protocol(): Promise<Protocol | undefined> {
    for (let wait = 1_000; !this.#ended.signal.aborted; wait = Math.min(wait * 2, 30_000)) {
      try {
        const tus = spoken ?? (await import('tus-js-client'))
        if (this.state === 'waiting') this.state = 'recognising'
        return tus
      } catch {
        if (this.state === 'recognising') {
          this.state = 'waiting'
          this.words = 'The connection is down. It goes on by itself.'
        }
        await new Promise((done) => setTimeout(done, wait))
      }
    }
    return undefined
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

  #trouble(err: Error | DetailedError): void {
    window.clearTimeout(this.#stalled)
    this.perSecond = 0
    const next = troubleOf(badOf(err), this.#row++)
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

function newest(all: PreviousUpload[]): PreviousUpload | undefined {
  return all.sort((a, b) => Date.parse(b.creationTime) - Date.parse(a.creationTime))[0]
}

function badOf(err: Error | DetailedError): Bad {
  const cause = 'causingError' in err ? err.causingError : undefined
  if (cause instanceof Refused) return cause.bad
  const response = 'originalResponse' in err ? err.originalResponse : undefined
  if (!response) return {}
  return { status: response.getStatus(), retryAfter: response.getHeader('Retry-After'), body: response.getBody() }
}
