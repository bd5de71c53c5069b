import { afterEach, expect, test, vi } from 'vitest'
import { queryClient, rulesQuery } from '../api/queries.ts'
import { rules } from '../gallery/samples.ts'
import { most } from './limits.ts'

// A browser's requests begin at the page's own server; the client takes what there is when it is loaded.
vi.hoisted(() => {
  vi.stubGlobal('Request', class extends Request {
    constructor(input: string, init?: RequestInit) {
      super(new URL(input, 'http://localhost'), init)
    }
  })
})
afterEach(() => vi.unstubAllGlobals())

test('the limits of each account are asked of the server once, and nothing is asked without an account', async () => {
  const asked: string[] = []
  vi.stubGlobal('fetch', (r: Request) => {
    asked.push(new URL(r.url).pathname)
    return Promise.resolve(Response.json({ rules: rules.map((rule) => ({ ...rule, max: asked.length })), asked: true, converts: true }))
  })
  const limit = async (account: string) => most((await queryClient.fetchQuery(rulesQuery(account))).rules, 'video', 'caption')
  const limits = [await limit('acc_mara'), await limit('acc_quiet'), await limit('acc_mara')]
  expect(limits).toEqual([1, 2, 1])
  expect(asked).toEqual(['/api/v1/accounts/acc_mara/rules', '/api/v1/accounts/acc_quiet/rules'])
  expect(rulesQuery('').enabled).toBe(false)
})
