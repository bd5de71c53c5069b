import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Where components live that screens share, or that one screen is made of. */
const folders = ['activity', 'components', 'calendar', 'compose', 'labels', 'library', 'panels/tiktok', 'posts', 'sample', 'upload']

/** Whole screens, and parts that are nothing without what a server answers or the browser was given: stories of e2e look at them. */
const elsewhere = [
  'activity/Activity',
  'calendar/Agenda', 'calendar/Calendar', 'calendar/ComposeSheet', 'calendar/FirstSteps', 'calendar/HourCell', 'calendar/HourRow', 'calendar/Hours', 'calendar/RestOfHour',
  'compose/Arrangement', 'compose/Compose', 'compose/Composer', 'compose/HalfHere', 'compose/History', 'compose/MediaZone', 'compose/Opening', 'compose/Stranded',
  'library/BringIn', 'library/DeleteDialog', 'library/Detail', 'library/Finder', 'library/Library', 'library/Nothing', 'library/Storage', 'library/TagDialog', 'library/UsedBy',
  'posts/Post', 'posts/Posts', 'upload/UploadTray',
]

function imported(file: string): string[] {
  return [...readFileSync(join(root, file), 'utf8').matchAll(/(?:from |import\()'(\.[^']+\.svelte)'/g)].map((m) => normalize(join(dirname(file), m[1]!)))
}

/** What the gallery shows, itself or as a part of something that it shows. */
function shown(): Set<string> {
  const seen = new Set<string>()
  const left = readdirSync(join(root, 'gallery')).filter((f) => f.endsWith('.svelte')).map((f) => join('gallery', f))
  for (let file = left.pop(); file; file = left.pop()) {
    if (seen.has(file)) continue
    seen.add(file)
    left.push(...imported(file))
  }
  return seen
}

test('the gallery shows every component', () => {
  const seen = shown()
  const all = folders.flatMap((folder) => readdirSync(join(root, folder)).filter((f) => f.endsWith('.svelte')).map((f) => `${folder}/${f.slice(0, -7)}`))
  expect(all.filter((name) => !seen.has(`${name}.svelte`)), 'add them to a file of ui/src/gallery, in every state').toEqual(elsewhere)
})
