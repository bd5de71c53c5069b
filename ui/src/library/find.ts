import type { paths } from '../api/schema.gen.ts'

/** What is looked for in the library, as it stands in the address. */
export interface Find {
  search: string
  kind: '' | 'video' | 'photo'
  tags: string[]
  unused: boolean
  view: 'grid' | 'list'
}

type Query = NonNullable<paths['/media']['get']['parameters']['query']>

export function findFrom(address: string): Find {
  const at = new URLSearchParams(address)
  const kind = at.get('kind')
  return {
    search: (at.get('search') ?? '').slice(0, 200),
    kind: kind === 'video' || kind === 'photo' ? kind : '',
    tags: (at.get('tag') ?? '').split(',').filter(Boolean).slice(0, 10),
    unused: at.get('unused') === 'true',
    view: at.get('view') === 'list' ? 'list' : 'grid',
  }
}

/** The query of an address; '' when nothing is looked for. */
export function addressOf(f: Find): string {
  const to = new URLSearchParams()
  if (f.search.trim()) to.set('search', f.search.trim())
  if (f.kind) to.set('kind', f.kind)
  if (f.tags.length > 0) to.set('tag', f.tags.join(','))
  if (f.unused) to.set('unused', 'true')
  if (f.view === 'list') to.set('view', 'list')
  const text = to.toString()
  return text && `?${text}`
}

/** The same question for the API. */
export function queryOf(f: Find): Query {
  return {
    ...(f.search.trim() ? { search: f.search.trim() } : {}),
    ...(f.kind ? { kind: f.kind } : {}),
    ...(f.tags.length > 0 ? { tag: f.tags } : {}),
    ...(f.unused ? { unused: true } : {}),
  }
}

/** Whether anything is left out by it. */
export function narrowed(f: Find): boolean {
  return Object.keys(queryOf(f)).length > 0
}
