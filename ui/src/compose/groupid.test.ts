import { expect, test } from 'vitest'
import { newGroupId } from './groupid.ts'

test('a group’s id is one that the server takes', () => {
  const id = newGroupId(Date.UTC(2026, 10, 24))
  expect(id).toMatch(/^grp_[0-9a-hjkmnp-tv-z]{26}$/)
  // The last letter carries only three bits of the sixteen bytes.
  expect('048cgmrw').toContain(id.at(-1))
  expect(newGroupId(Date.UTC(2026, 10, 24)).slice(0, 10)).toBe(id.slice(0, 10))
  expect(newGroupId(Date.UTC(2026, 10, 25)) > id).toBe(true)
})
