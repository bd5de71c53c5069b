import { answer, api, type Problem, type Refusal, type Schemas } from '../api/client.ts'

/** How long nothing changes before the server hears of it, in milliseconds. */
export const settle = 700

/** A post to be checked, and which one it is where there is one. */
export interface Asked {
  post_id?: string
  body: Schemas['NewPost']
}

/** What stands in the way of a post as it is, by the server's word. It is asked once nothing has changed for a while, and saves nothing. */
export class Check {
  problems = $state<Problem[]>([])
  /** How each file stands to the limits of the account. */
  fits = $state<Schemas['Fit'][]>([])
  readonly #ask: () => Asked | undefined
  #timer = 0
  #turn = 0

  /** `ask` says what to check when the time has come; nothing when there is nothing. */
  constructor(ask: () => Asked | undefined) {
    this.#ask = ask
  }

  soon(): void {
    window.clearTimeout(this.#timer)
    this.#timer = window.setTimeout(() => void this.#look(), settle)
  }

  stop(): void {
    window.clearTimeout(this.#timer)
  }

  /** Takes over what the server said when it did not take the post. */
  learn(refusal: Pick<Refusal, 'problems' | 'field' | 'code' | 'message' | 'remedy' | 'choices'>): void {
    const { field, code, message, remedy, choices } = refusal
    if (refusal.problems.length > 0) this.problems = refusal.problems
    else if (field) this.problems = [{ code, field, message, remedy, severity: 'block', choices }]
  }

  async #look(): Promise<void> {
    const asked = this.#ask()
    if (!asked) return
    const turn = ++this.#turn
    const verdict = await answer(api.POST('/posts/validate', { params: { query: { post_id: asked.post_id } }, body: asked.body })).catch(() => undefined)
    if (!verdict || turn !== this.#turn) return
    this.problems = verdict.problems
    this.fits = verdict.files
  }
}
