import { expect, it } from 'vitest'
import { Refusal, type Problem } from '../api/client.ts'
import { Check } from './check.svelte.ts'

const problem: Problem = { code: 'caption_too_long', field: 'caption', message: 'It is too long.', severity: 'block' }

it('learns from a refusal what is wrong and where', () => {
  const check = new Check(() => undefined)
  check.learn(new Refusal(422, { problems: [problem], field: 'due' }))
  expect(check.problems).toEqual([problem])
  check.learn(new Refusal(409, { code: 'version_conflict' })) // which says nothing of the content
  expect(check.problems).toEqual([problem])
  check.learn(new Refusal(422, { code: 'due_past', detail: 'That time is over.', field: 'due' }))
  expect(check.problems).toEqual([{ code: 'due_past', field: 'due', message: 'That time is over.', severity: 'block', choices: [] }])
})
