import { expect, test } from 'vitest'
import { stepOf, stepsOf } from './position.svelte.ts'

test.each([
  ['compose-caption', 0],
  ['tiktok-privacy', 1],
  ['compose-when', 2],
  ['declaration', 2],
  ['tiktok-cover', -1], // on the preview
  ['preview', -1],
] as const)('%s is at step %d', (part, step) => expect(stepOf(part)).toBe(step))

test('photos have the same steps as a video', () => expect(stepsOf('photo').map((s) => s.parts)).toEqual(stepsOf('video').map((s) => s.parts)))
