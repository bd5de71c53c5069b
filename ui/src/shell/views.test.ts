import { afterEach, expect, test, vi } from 'vitest'
import { screenOf, tellOf } from './views.ts'

const patterns = ['/', '/posts', '/posts/:id', '/settings/review', '/settings/:section']

afterEach(() => vi.unstubAllGlobals())

test('a screen is told of without its id', () => {
  expect(screenOf('/', patterns)).toBe('/')
  expect(screenOf('/posts', patterns)).toBe('/posts')
  expect(screenOf('/posts/pst_0123', patterns)).toBe('/posts/{id}')
  expect(screenOf('/settings/review', patterns)).toBe('/settings/review')
  expect(screenOf('/settings/keys', patterns)).toBe('/settings/{section}')
  expect(screenOf('/posts/', patterns)).toBeUndefined()
  expect(screenOf('/posts/a/b', patterns)).toBeUndefined()
})

test('changes of the screen are told of, where that is counted and nobody objects', () => {
  const told: unknown[] = []
  const fetched = vi.fn((_: string, init: { body: unknown }) => (told.push(init.body), Promise.reject(new Error('the connection is down'))))
  vi.stubGlobal('fetch', fetched)
  vi.stubGlobal('navigator', {})
  tellOf('/', patterns, true) // came with the page
  tellOf('/', patterns, true)
  tellOf('/posts/pst_1', patterns, true)
  tellOf('/posts/pst_2', patterns, true)
  tellOf('/elsewhere', patterns, true)
  tellOf('/posts', patterns, false)
  vi.stubGlobal('navigator', { globalPrivacyControl: true })
  tellOf('/', patterns, true)
  vi.stubGlobal('navigator', { doNotTrack: '1' })
  tellOf('/posts', patterns, true)
  expect(told).toEqual(['/posts/{id}', '/posts/{id}'])
})
