import type { Media } from '../api/client.ts'
import { kindOf } from './accepts.ts'
import type { Transfer } from './transfer.svelte.ts'
import { MediaWatch } from './watch.svelte.ts'

/** A file of a post: one that is on its way from this page, or one that the workspace has. */
export class Piece {
  readonly transfer?: Transfer
  readonly key: string
  #watch: MediaWatch | undefined

  constructor(from: Transfer | string) {
    if (typeof from === 'string') {
      this.key = from
      this.#watch = new MediaWatch(from)
    } else {
      this.transfer = from
      this.key = from.url
    }
  }

  /** '' until the server gave it a name. */
  get mediaId(): string {
    return this.transfer?.mediaId ?? this.#watch?.id ?? ''
  }

  get media(): Media | undefined {
    return this.transfer ? this.transfer.media : this.#watch?.media
  }

  get name(): string {
    return this.transfer?.file.name ?? this.media?.file_name ?? ''
  }

  get kind(): 'video' | 'photo' {
    return this.media?.kind ?? (this.transfer ? kindOf(this.transfer.file) : 'video')
  }

  /** Where the page can show it from: the person's own file, or the server. */
  get source(): string | undefined {
    // A photo may have been made anew: what is shown is what will be sent.
    if (this.kind === 'photo' && this.media?.status === 'ready') return `/media/${this.media.id}/file`
    if (this.transfer) return this.transfer.url
    const media = this.media
    return media && (media.status === 'ready' || media.status === 'checking') ? `/media/${media.id}/file` : undefined
  }

  /** way: its bytes are not all here yet · checking: what it is is not known · bad: it cannot be used as it is · ready. */
  get state(): 'way' | 'checking' | 'bad' | 'ready' {
    if (this.transfer && this.transfer.state !== 'arrived') return this.transfer.state === 'failed' ? 'bad' : 'way'
    if (this.stranded || this.media?.status === 'rejected') return 'bad'
    return this.media?.status === 'ready' ? 'ready' : 'checking'
  }

  /** Its bytes are not all here, and nobody is sending them from this page. */
  get stranded(): boolean {
    return !this.transfer && this.media?.status === 'receiving'
  }

  stop(): void {
    this.#watch?.stop()
  }
}
