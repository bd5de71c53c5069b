const letters = '0123456789abcdefghjkmnpqrstvwxyz'

/** An id as the server makes them: 48 bits of time, 80 of chance, in Crockford's base 32. */
export function newGroupId(now = Date.now()): string {
  let bits = (BigInt(now) << 80n) | crypto.getRandomValues(new Uint8Array(10)).reduce((n, b) => (n << 8n) | BigInt(b), 0n)
  bits <<= 2n // 26 letters hold 130 bits
  let text = ''
  for (let i = 25; i >= 0; i--) text += letters[Number((bits >> BigInt(i * 5)) & 31n)]
  return `grp_${text}`
}
