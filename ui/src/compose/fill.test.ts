import { expect, test } from 'vitest'
import { unanswered } from '../panels/tiktok/answers.ts'
import { fill } from './fill.ts'

test('a template fills what is the same every time, and is taken back', () => {
  const post = {
    caption: 'Before', labels: ['sea'], answers: { ...unanswered(), privacy: 'SELF_ONLY', disclose: true, yourBrand: true, title: 'Old' },
    label: (labels: string[]) => Promise.resolve(void (post.labels = labels)),
  }
  const takeBack = fill(post, { caption: 'Market day #town', label_ids: ['town', 'sea'], title: 'Market', auto_music: true, to_inbox: false })
  expect(post).toMatchObject({ caption: 'Market day #town', labels: ['sea', 'town'] })
  expect(post.answers).toEqual({ ...unanswered(), privacy: 'SELF_ONLY', disclose: true, yourBrand: true, title: 'Market', music: true })
  takeBack()
  expect(post).toMatchObject({ caption: 'Before', labels: ['sea'] })
  expect(post.answers).toMatchObject({ title: 'Old', music: false })
})
