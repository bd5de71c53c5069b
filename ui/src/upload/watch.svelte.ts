import { QueryObserver } from '@tanstack/svelte-query'
import type { Media } from '../api/client.ts'
import { mediaQuery, queryClient } from '../api/queries.ts'
import { live } from '../live/events.svelte.ts'

/** A file's description, kept up to date wherever one is in the app. Outside of components, so whoever begins it ends it. */
export class MediaWatch {
  media = $state<Media>()
  /** The file is not there, or not ours. */
  gone = $state(false)
  #stop: () => void

  constructor(readonly id: string) {
    const observer = new QueryObserver(queryClient, {
      ...mediaQuery(id),
      // Events say when a check is done. Only while they cannot reach us do we ask.
      refetchInterval: (query) => (!live.connected && unsettled(query.state.data) ? 2_000 : false),
    })
    const learn = (result: ReturnType<typeof observer.getCurrentResult>): void => {
      if (result.data) this.media = result.data
      this.gone = result.isError && !result.data
    }
    this.#stop = observer.subscribe(learn)
    learn(observer.getCurrentResult()) // what is known already is told to nobody again
  }

  stop(): void {
    this.#stop()
  }
}

function unsettled(media: Media | undefined): boolean {
  return media?.status === 'checking'
}
