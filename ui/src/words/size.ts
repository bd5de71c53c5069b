const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const

/** "2.1 MB": a size in the person's own way of writing numbers. */
export function fileSize(bytes: number): string {
  const step = Math.min(units.length - 1, bytes < 1000 ? 0 : Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** step
  return new Intl.NumberFormat(undefined, { style: 'unit', unit: units[step], maximumFractionDigits: step > 1 && value < 100 ? 1 : 0 }).format(value)
}

/** Caption length as TikTok counts it: UTF-16 units, which is what JavaScript's length is. */
export function utf16(text: string): number {
  return text.length
}
