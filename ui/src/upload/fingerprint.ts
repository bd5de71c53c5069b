const sample = 65_536

/**
 * What tells a file apart from most others without reading it all: the hex SHA-256 of its size, a line feed, and its first, middle and
 * last 64 KiB (a small file counts whole). The server computes the same; equal ones are a reason to compare whole hashes.
 */
export async function fingerprint(file: Blob): Promise<string> {
  const parts: BlobPart[] = [`${file.size}\n`]
  if (file.size <= 3 * sample) parts.push(file)
  else {
    const middle = Math.floor((file.size - sample) / 2)
    parts.push(file.slice(0, sample), file.slice(middle, middle + sample), file.slice(file.size - sample))
  }
  const sum = await crypto.subtle.digest('SHA-256', await new Blob(parts).arrayBuffer())
  return Array.from(new Uint8Array(sum), (b) => b.toString(16).padStart(2, '0')).join('')
}
