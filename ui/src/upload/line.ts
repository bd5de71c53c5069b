/** Lines of those that seem to bring the same bytes: whoever is not the first waits, instead of sending them twice. */
export class Lines<T extends { over: boolean }> {
  readonly #first = new Map<string, T>()

  /** The one that is to be waited for; undefined when there is none, and others wait for this one from now on. */
  join(bytes: string, one: T): T | undefined {
    const first = this.#first.get(bytes)
    if (first && first !== one && !first.over) return first
    this.#first.set(bytes, one)
    return undefined
  }
}
