import type { Creator, Due, Post } from '../api/client.ts'
import { fromOptions, toOptions, unanswered, type Answers, type MediaKind } from '../panels/tiktok/answers.ts'
import { Piece } from '../upload/piece.svelte.ts'
import type { Transfer } from '../upload/transfer.svelte.ts'
import { bringing } from '../upload/transfers.svelte.ts'
import { moved } from './order.ts'
import { said } from './same.ts'
import type { Unsaved } from './unsaved.ts'
import { unsaid, whenOf, type When } from './when.ts'

/** A post as it is on the screen: its files in their order, what is written, chosen and answered. It knows nothing of the server. */
export class Content {
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

  get kind(): MediaKind {
    return this.pieces[0]?.kind ?? 'video'
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
    return JSON.stringify([this.json, this.when, this.labels, this.pieces.map((p) => p.media?.status)])
  }

  /** Everything that the server keeps of it as text, to compare it with `jsonOf` a post. */
  get json(): string {
    return JSON.stringify([this.account, this.mediaIds, this.caption, said(this.answers), this.group])
  }

  get mediaIds(): string[] {
    return this.pieces.map((p) => p.mediaId).filter(Boolean)
  }

  /** What is sent of it; with the creator without what they have forbidden, and with consent where it is to go out. */
  body(creator?: Creator, consent = false) {
    const tiktok = toOptions(this.answers, this.kind, creator)
    const group = this.group ? { group_id: this.group } : {}
    return { media_ids: this.mediaIds, caption: this.caption, ...group, options: { tiktok: consent ? { ...tiktok, consent } : tiktok } }
  }

  /** What a person wrote, to keep it in this browser. */
  get written() {
    return { account: this.account, media: this.mediaIds, caption: this.caption, answers: { ...this.answers }, when: { ...this.when }, labels: [...this.labels] }
  }

  /** Shows what was kept in this browser. */
  restore(left: Unsaved): void {
    this.account = left.account || this.account
    this.caption = left.caption
    this.labels = left.labels ?? this.labels
    this.answers = left.answers
    this.when = left.when
    this.#show(left.media)
  }

  /** Shows a post as the server has it, but for its time. */
  copy(post: Post): void {
    this.account = post.account_id
    this.group = post.group_id ?? ''
    this.caption = post.caption
    this.labels = post.label_ids
    this.answers = fromOptions(post.options.tiktok)
    this.#show(post.media_ids)
  }

  /** Shows what the post was. A draft is saved so; of any other the person says when. */
  bringBack(was: { caption: string; media: string[]; answers: Answers; due?: Due }): void {
    this.caption = was.caption
    this.answers = was.answers
    this.#show(was.media)
    if (was.due) this.when = whenOf(was.due)
  }

  #show(ids: string[]): void {
    const before = this.pieces
    this.pieces = ids.map((id) => before.find((p) => p.mediaId === id) ?? new Piece(bringing(id) ?? id))
    before.filter((p) => !this.pieces.includes(p)).forEach((p) => p.stop())
  }
}
