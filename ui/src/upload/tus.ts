import type { DetailedError, PreviousUpload, Upload } from 'tus-js-client'
import type { Bad } from './trouble.ts'
import { begunBefore } from './unfinished.ts'

type Protocol = typeof import('tus-js-client')

let spoken: Protocol | undefined

/** Gives transfers the code that speaks tus, so that they need not fetch it; see protocol.ts. */
export function speak(protocol: Protocol): void {
  spoken = protocol
}

/**
 * The code that speaks tus. Where no screen brought it along, it comes with the first file, and `missing` is told each time it did not.
 * Undefined once the signal ended it.
 */
export async function protocol(signal: AbortSignal, missing: () => void): Promise<Protocol | undefined> {
  for (let wait = 1_000; !signal.aborted; wait = Math.min(wait * 2, 30_000)) {
    try {
      return spoken ?? (await import('tus-js-client'))
    } catch {
      missing()
      await new Promise((done) => setTimeout(done, wait))
    }
  }
  return undefined
}

/** What an upload answers that the protocol's client would otherwise take for "does not exist", and begin anew from byte 0. */
class Refused extends Error {
  constructor(readonly bad: Bad) {
    super('refused')
  }
}

/** What is told of an upload. */
export interface Told {
  /** The server is asked for one, and has perhaps begun it though its answer does not come. */
  asked: () => void
  /** What the file becomes in the library. */
  media: (id: string) => void
  progress: (sent: number) => void
  arrived: () => void
  trouble: (bad: Bad) => void
}

/** An upload of a file that has not begun. After trouble it does nothing by itself. */
export function uploadOf(tus: Protocol, file: File, print: string, told: Told): Upload {
  return new tus.Upload(file, {
    endpoint: '/uploads/',
    metadata: { filename: file.name, filetype: file.type, ...(print ? { fingerprint: print } : {}) },
    retryDelays: null, // we decide, see trouble.ts
    storeFingerprintForResuming: true,
    removeFingerprintOnSuccess: true,
    onBeforeRequest: (req) => {
      if (req.getMethod() === 'POST') told.asked()
    },
    onProgress: told.progress,
    onSuccess: told.arrived,
    onError: (err) => told.trouble(badOf(err)),
    onAfterResponse: (_, res) => {
      const id = res.getHeader('ShipPost-Media-Id')
      if (id) told.media(id)
      const status = res.getStatus()
      if (status < 300 || status === 404 || status === 410) return
      throw new Refused({ status, retryAfter: res.getHeader('Retry-After'), body: res.getBody() })
    },
  })
}

/** Has an upload go on where one of the same file stopped, in this browser or elsewhere. Resolves to whether there is one. */
export async function goOnFromBefore(upload: Upload, file: File, print: string): Promise<boolean> {
  const before = newest(await upload.findPreviousUploads())
  if (before) upload.resumeFromPreviousUpload(before)
  else {
    const begun = await begunBefore(file, print)
    if (!begun) return false
    upload.url = begun.url
  }
  return true
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
