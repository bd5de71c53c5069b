import { expect, test } from 'vitest'
import { browserZone } from '../words/time.ts'
import { lookFrom, searchFor, shownStates } from './look.ts'

const of = (address: string) => (name: string) => new URLSearchParams(address).get(name) ?? ''

test('an address says what is looked at', () => {
  expect(lookFrom(of('view=week&zone=Asia%2FTokyo&date=2026-11-24&account=a,b&label=l&status=failed,posted&drawer=open'))).toEqual({
    view: 'week', zone: 'Asia/Tokyo', date: '2026-11-24', account: ['a', 'b'], label: ['l'], status: ['failed', 'posted'], drawer: true,
  })
})

test('what makes no sense in an address is not there', () => {
  expect(lookFrom(of('view=year&zone=Middle%2FEarth&date=2026-13-45&account=,&status=lost&drawer=shut'))).toEqual({
    view: 'month', zone: browserZone, date: undefined, account: [], label: [], status: [], drawer: false,
  })
})

test('drafts and cancelled posts are shown where they are asked for', () => {
  expect(shownStates([])).not.toContain('draft')
  expect(shownStates([])).not.toContain('cancelled')
  expect(shownStates([])).toContain('queued')
  expect(shownStates(['draft'])).toEqual(['draft'])
})

test('another look keeps the rest of the address, and says nothing that is usual', () => {
  const param = of('view=week&date=2026-11-24&account=a&compose=new&media=m')
  expect(searchFor(param, { view: 'day' }, '2026-11-24')).toEqual({ view: 'day', account: 'a' })
  expect(searchFor(param, { view: 'month', account: '', date: '2026-12-01' }, '2026-11-24')).toEqual({ date: '2026-12-01' })
  expect(searchFor(param, { compose: 'post_1', zone: browserZone }, '2026-11-01')).toEqual({ compose: 'post_1', view: 'week', date: '2026-11-24', account: 'a' })
})
