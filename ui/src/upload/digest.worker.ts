import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'

/** Asked for the hash of a file, answers with it. One question at a time; the page ends the worker to interrupt it. */
export type DigestAnswer = { sha256: string } | { unreadable: string }

const piece = 4 << 20

self.onmessage = async (event: MessageEvent<File>) => {
  const file = event.data
  try {
    const hash = sha256.create()
    for (let at = 0; at < file.size; at += piece) {
      hash.update(new Uint8Array(await file.slice(at, at + piece).arrayBuffer()))
    }
    self.postMessage({ sha256: bytesToHex(hash.digest()) } satisfies DigestAnswer)
  } catch (err) {
    self.postMessage({ unreadable: String(err) } satisfies DigestAnswer)
  }
}
