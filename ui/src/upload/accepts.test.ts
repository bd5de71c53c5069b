import { expect, it } from 'vitest'
import { kindOf, refusal, systemFile } from './accepts.ts'

it.each([
  ['walk.mp4', 'video/mp4'],
  ['WALK.MOV', ''],
  ['photo.HEIC', ''],
  ['no-ending', 'image/jpeg'],
])('lets %s travel', (name, type) => expect(refusal({ name, type, size: 1 })).toBe(''))

it.each([
  ['notes.txt', 'text/plain'],
  ['mp4', ''],
  ['movie.mp4.exe', 'application/x-msdownload'],
  ['drawing.svg', 'image/svg+xml'],
])('refuses %s in a sentence', (name, type) => expect(refusal({ name, type, size: 1 })).toContain('no video or photo'))

it('refuses what is empty', () => expect(refusal({ name: 'a.mp4', type: 'video/mp4', size: 0 })).toContain('empty'))

it('knows what systems leave in folders', () => {
  for (const name of ['.DS_Store', '._walk.mp4', 'Thumbs.db', 'desktop.ini']) expect(systemFile(name)).toBe(true)
  expect(systemFile('thumbs.mp4')).toBe(false)
})

it('takes HEIC for a photo although browsers do not know it', () => expect(kindOf({ name: 'IMG_1.HEIC', type: '' })).toBe('photo'))
