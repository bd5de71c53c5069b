import type { Account, FullDay } from '../api/client.ts'

/** The one of some accounts that stands worst against its limit. */
export function worstOf(days: FullDay[]): FullDay | undefined {
  return days.reduce<FullDay | undefined>((worst, d) => (!worst || d.posts / d.limit > worst.posts / worst.limit ? d : worst), undefined)
}

/** "Too full: 16 of about 15 posts of Mara within 24 hours", for each account. */
export function fullWords(days: FullDay[], accounts: Account[]): string {
  return days
    .map((d) => {
      const name = accounts.find((a) => a.id === d.account_id)?.name
      return `${d.over ? 'Too full' : d.posts >= d.limit ? 'Full' : 'Nearly full'}: ${d.posts} of ${d.drafts ? `${d.limit} drafts` : `about ${d.limit} posts`}${name ? ` of ${name}` : ''} within 24 hours`
    })
    .join('; ')
}

/** Full days by their date. */
export function byDate(days: FullDay[]): Map<string, FullDay[]> {
  const map = new Map<string, FullDay[]>()
  for (const d of days) map.set(d.date, [...(map.get(d.date) ?? []), d])
  return map
}
