import { answer, api, type Schemas } from '../api/client.ts'
import { entriesChanged, postsChanged } from '../api/pages.ts'
import { queryClient } from '../api/queries.ts'
import { navigate } from '../router.ts'
import { toast } from '../shell/toasts.svelte.ts'

/**
 * Whether states on the screen are kept up to date, whether the server has another version of the app than this page, how much of a post's file TikTok has while it is being uploaded, and how far the
 * conversion of a file is.
 */
export const live = $state({ connected: false, upgraded: false, percent: {} as Record<string, number>, converted: {} as Record<string, number> })

type Change = Schemas['Event']

/** What may change which posts are at risk. */
const atRisk = new Set(['post.at_risk', 'post.safe', 'post.edited', 'post.rescheduled', 'post.cancelled', 'post.held', 'post.staging', 'post.failed', 'post.missed', 'post.withdrawn', 'post.public'])

// What people are told at once, wherever they are.
const alarms: Record<string, string> = {
  'post.at_risk': 'A scheduled post will not go out as things are.',
  'post.withdrawn': 'Viewers can no longer see a post on TikTok.',
}

// A burst of events asks for each answer once, and a long one a few times a second.
const burst = 60
const pause = 250
const stale = new Map<string, readonly unknown[]>()
/** The posts that something happened to, by id. */
const touched = new Set<string>()
/** The journal has more by now. */
let written = false
let pending = 0
let asked = -pause

function outdate(key: readonly unknown[]): void {
  stale.set(JSON.stringify(key), key)
  soon()
}

function soon(): void {
  pending ||= window.setTimeout(() => {
    pending = 0
    asked = performance.now()
    for (const queryKey of stale.values()) void queryClient.invalidateQueries({ queryKey })
    stale.clear()
    if (touched.size > 0) void postsChanged([...touched])
    touched.clear()
    if (written) void entriesChanged()
    written = false
  }, Math.max(burst, asked + pause - performance.now()))
}

function apply(change: Change): void {
  if (change.kind === 'stream.reset') {
    void queryClient.invalidateQueries()
    return
  }
  if (change.kind === 'post.progress') {
    if (change.post_id) live.percent[change.post_id] = change.percent ?? 0
    return
  }
  if (change.kind === 'media.progress') {
    if (change.media_id) live.converted[change.media_id] = change.percent ?? 0
    return
  }
  if (change.post_id) {
    outdate(['post', change.post_id])
    touched.add(change.post_id)
    outdate(['slots', 'times'])
  }
  if (atRisk.has(change.kind)) outdate(['notices'])
  const alarm = alarms[change.kind]
  if (alarm && change.post_id) {
    const post = change.post_id
    toast(alarm, { tone: 'bad', action: { words: 'Look at it', run: () => void navigate('/posts/:id', { params: { id: post } }) } })
  }
  if (change.media_id) outdate(['media'])
  const noun = change.kind.split('.')[0]
  if (noun === 'notices') {
    outdate(['notices'])
    return
  }
  if (noun === 'account') {
    outdate(['accounts'])
    outdate(['creator'])
    outdate(['notices'])
  }
  if (noun === 'key') outdate(['keys'])
  if (noun === 'slot') outdate(['slots'])
  if (noun === 'snippet') outdate(['snippets'])
  if (noun === 'template') outdate(['templates'])
  if (noun === 'label') outdate(['labels'])
  if (change.kind === 'label.removed') outdate(['posts'])
  if (noun === 'user') outdate(['sessions'])
  if (noun === 'export') outdate(['exports'])
  if (noun === 'retention') outdate(['retention'])
  written = true
  soon()
  if (change.media_id) outdate(['file', change.media_id])
  if (change.media_id || change.post_id) outdateLibrary()
}

let slow = 0

/** Five hundred files that arrive make the library outdated all the time; asking once a second is soon enough. */
function outdateLibrary(): void {
  slow ||= window.setTimeout(() => {
    slow = 0
    void queryClient.invalidateQueries({ queryKey: ['library'] })
  }, 1_000)
}

const comeBackAfter = 3_000
const restAfter = 5_000

/** The app's own code, as the address of its first page names it. */
const ours = new URL(import.meta.url).pathname

/** Looks whether the server has another version of the app by now. A page that is no longer the newest goes on, and offers to be loaded again. */
async function compareVersions(): Promise<void> {
  const page = await fetch('/', { cache: 'no-store', signal: AbortSignal.timeout(10_000) }).then((got) => (got.ok ? got.text() : ''), () => '')
  const theirs = /<script type="module"[^>]* src="([^"]+)"/.exec(page)?.[1]
  if (theirs && ours.startsWith('/assets/')) live.upgraded = theirs !== ours
}

/**
 * Listens to what happens in the workspace and marks answers as outdated, so that what is on the screen is asked again.
 * After a cut the browser comes back by itself and tells the server where it stopped, so nothing is lost. After an answer that is no
 * stream, such as that of a session that ended or of a proxy without its server, it gives up for good; then we come back.
 * A page that nobody looks at does not listen: over plain HTTP a browser has six connections to a server for all its pages, and six
 * that listen would leave none to load a seventh.
 */
export function listen(): () => void {
  let source: EventSource | undefined
  let again = 0
  let rest = 0
  let resting = false

  function open(before: 'nothing' | 'all' | 'cut'): void {
    if (document.visibilityState === 'hidden') {
      resting = true
      return
    }
    const mine = (source = new EventSource('/api/v1/events'))
    mine.onopen = () => {
      live.connected = true
      if (before === 'all') void queryClient.invalidateQueries()
      // Notices are not kept for those who were away.
      else if (before === 'cut') outdate(['notices'])
      if (before !== 'nothing') void compareVersions()
      before = 'cut'
    }
    mine.onerror = () => {
      live.connected = false
      if (mine.readyState === EventSource.CLOSED) void comeBack()
    }
    mine.onmessage = (event: MessageEvent<string>) => apply(JSON.parse(event.data) as Change)
  }

  async function comeBack(first = true): Promise<void> {
    // The first time this says on the screen that the session is over, if that is the reason; whoever closed that goes on undisturbed.
    const there = first
      ? await answer(api.GET('/me')).then(() => true, () => false)
      : await fetch('/api/v1/me', { signal: AbortSignal.timeout(10_000) }).then((got) => got.ok, () => false)
    if (there) open('all')
    else again = window.setTimeout(() => void comeBack(false), comeBackAfter)
  }

  function looked(): void {
    window.clearTimeout(rest)
    if (document.visibilityState === 'hidden') {
      rest = window.setTimeout(() => {
        if (source?.readyState === EventSource.CLOSED) return // it is on its way back, and waits when it is there
        source?.close()
        live.connected = false
        resting = true
      }, restAfter)
    } else if (resting) {
      resting = false
      open('all')
    }
  }

  document.addEventListener('visibilitychange', looked)
  open('nothing')
  return () => {
    document.removeEventListener('visibilitychange', looked)
    window.clearTimeout(again)
    window.clearTimeout(rest)
    source?.close()
  }
}
