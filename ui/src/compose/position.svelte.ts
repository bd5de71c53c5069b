import { tick } from 'svelte'
import type { MediaKind } from '../panels/tiktok/answers.ts'
import type { Place } from './needs.ts'

/** A part of the screen that can be brought into view: one where something may be missing, or one that only tells. */
export type Spot = Place | 'declaration' | 'processing' | 'preview'

export interface Step {
  words: string
  parts: Spot[]
}

/** What a composition is done in, where not all of it fits beside each other. */
export function stepsOf(kind: MediaKind): Step[] {
  return [
    { words: kind === 'photo' ? 'Photos' : 'Video', parts: ['compose-media', 'compose-title', 'compose-caption'] },
    { words: 'TikTok', parts: ['tiktok-account', 'tiktok-way', 'tiktok-privacy', 'tiktok-interactions', 'tiktok-disclosure'] },
    { words: 'When', parts: ['compose-when', 'declaration', 'processing'] },
  ]
}

/** The steps are the same for videos and photos but for their words. */
const steps = stepsOf('video')

/** The step that a part belongs to; -1 for what is on the preview. */
export function stepOf(part: Spot): number {
  return steps.findIndex((s) => s.parts.includes(part))
}

/** Where somebody is in a composition: at which step, and whether at the preview. */
export class Position {
  step = $state(0)
  previewing = $state(false)

  /** Brings a part of the screen into view, with its step. */
  async bring(part: Spot): Promise<HTMLElement | null> {
    const to = stepOf(part)
    this.previewing = to < 0
    if (to >= 0) this.step = to
    await tick()
    const there = document.getElementById(part)
    there?.scrollIntoView({ block: 'center', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' })
    return there
  }

  /** Brings a place into view and puts the focus on what is to be done there. */
  async lead(place: Place): Promise<void> {
    const there = await this.bring(place)
    const first = (what: string) => there?.querySelector<HTMLElement>(what)
    const control = first('input:not(:disabled), select:not(:disabled), textarea') ?? first('button:not(:disabled)')
    ;(control ?? there)?.focus({ preventScroll: true })
  }

  turn(to: number): void {
    this.step = to
    this.previewing = false
  }
}
