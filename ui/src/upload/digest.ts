import type { DigestAnswer } from './digest.worker.ts'
import workerUrl from './digest.worker.ts?worker&url'
import { startWorker } from './trusted.ts'

// One file at a time: several would only slow each other and the upload down.
let last: Promise<unknown> = Promise.resolve()

/** Hashes a file beside the page, without holding it in memory. Rejects when the file cannot be read or the signal ends it. */
export function digest(file: File, signal: AbortSignal): Promise<string> {
  const mine = last.then(() => hash(file, signal))
  last = mine.catch(() => undefined)
  return mine
}

function hash(file: File, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const worker = startWorker(workerUrl)
    const end = (settle: () => void) => {
      worker.terminate()
      settle()
    }
    signal.addEventListener('abort', () => end(() => reject(signal.reason)), { once: true })
    worker.onerror = () => end(() => reject(new Error('The file could not be read here.')))
    worker.onmessage = (event: MessageEvent<DigestAnswer>) => {
      const answer = event.data
      end(() => ('sha256' in answer ? resolve(answer.sha256) : reject(new Error(answer.unreadable))))
    }
    worker.postMessage(file)
  })
}
