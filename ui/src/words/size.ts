const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const

/** What writes a size is costly to make, and five hundred files that arrive have theirs written all the time. */
const formats = new Map<string, Intl.NumberFormat>()

function format(unit: string, digits: number): Intl.NumberFormat {
  const key = unit + digits
  let found = formats.get(key)
  if (!found) formats.set(key, (found = new Intl.NumberFormat(undefined, { style: 'unit', unit, maximumFractionDigits: digits })))
  return found
}

/** "2.1 MB": a size in the person's own way of writing numbers. */
export function fileSize(bytes: number): string {
  const step = Math.min(units.length - 1, bytes < 1000 ? 0 : Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** step
  return format(units[step] ?? 'byte', step > 1 && value < 100 ? 1 : 0).format(value)
}

/** Caption length as TikTok counts it: UTF-16 units, which is what JavaScript's length is. */
export function utf16(text: string): number {
  return text.length
}
