import { describe, expect, it } from 'vitest'
import { pauseOf } from './client.ts'

const answer = (status: number, after?: string) => new Response(null, { status, headers: after === undefined ? {} : { 'Retry-After': after } })

describe('a request that comes too soon', () => {
  it('is made again after a short pause, and only then', () => {
    expect(pauseOf(answer(429, '1'))).toBe(1)
    expect(pauseOf(answer(429, '3600'))).toBeUndefined()
    expect(pauseOf(answer(429))).toBeUndefined()
    expect(pauseOf(answer(429, 'soon'))).toBeUndefined()
    expect(pauseOf(answer(503, '1'))).toBeUndefined()
    expect(pauseOf(answer(200))).toBeUndefined()
  })
})
