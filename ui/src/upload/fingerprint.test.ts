import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { fingerprint } from './fingerprint.ts'

const bytes = (n: number) => new Uint8Array(n).map((_, i) => (i * 31 + (i >> 8)) % 251)
const hex = (...parts: (string | Uint8Array)[]) => parts.reduce((h, p) => h.update(p), createHash('sha256')).digest('hex')

it('counts a small file whole', async () => {
  for (const n of [1, 196_608]) expect(await fingerprint(new Blob([bytes(n)]))).toBe(hex(`${n}\n`, bytes(n)))
})

it('takes beginning, middle and end of a larger one', async () => {
  const n = 300_001
  const b = bytes(n)
  const middle = Math.floor((n - 65_536) / 2)
  const want = hex(`${n}\n`, b.slice(0, 65_536), b.slice(middle, middle + 65_536), b.slice(n - 65_536))
  expect(await fingerprint(new Blob([b]))).toBe(want)
})
