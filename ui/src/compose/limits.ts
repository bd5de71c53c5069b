import type { Schemas } from '../api/client.ts'
import type { MediaKind } from '../panels/tiktok/answers.ts'

/** One limit of an account, as the server has it: the rule that is shown here is the one that a post is judged by. */
export type Rule = Schemas['Rule']

/** The rule about something that keeps a post from going out; undefined while the server has not told, or where nothing is limited. */
export function ruleAbout(rules: Rule[] | undefined, kind: MediaKind, about: string): Rule | undefined {
  return rules?.find((r) => r.severity === 'block' && r.about === about && (r.kind === kind || !r.kind))
}

/** The most that a rule lets through. Without it nothing is held against a limit here: the server looks all the same. */
export function most(rules: Rule[] | undefined, kind: MediaKind, about: string): number | undefined {
  return ruleAbout(rules, kind, about)?.max
}

/** Why a text is too long, in a sentence; undefined for one that fits, as far as the limit is known. */
export function tooLong(what: string, units: number, limit: number | undefined): string | undefined {
  return limit !== undefined && units > limit ? `The ${what} has ${units} characters; TikTok takes ${limit}. Most emoji count as two.` : undefined
}

const formats: Record<string, string> = { mp4: 'MP4', mov: 'MOV', webm: 'WebM' }
const either = new Intl.ListFormat('en-GB', { type: 'disjunction' })

/** How large a video may be: "up to 4 GB"; '' while the limits are not known. Whole gigabytes, rounded down: by either meaning of the word a file of that size fits. */
export function sizeWords(rules: Rule[] | undefined): string {
  const bytes = most(rules, 'video', 'size')
  return bytes === undefined ? '' : `up to ${Math.floor(bytes / 1e9)} GB`
}

/** What a video should be: "MP4, MOV or WebM up to 4 GB; 9:16 fits best."; the latter alone while an account's limits are not known. */
export function videoWords(rules: Rule[] | undefined): string {
  const containers = (ruleAbout(rules, 'video', 'container')?.one_of ?? []).map((c) => formats[c] ?? c.toUpperCase())
  const taken = [either.format(containers), sizeWords(rules)].filter(Boolean).join(' ')
  return [taken, '9:16 fits best.'].filter(Boolean).join('; ')
}
