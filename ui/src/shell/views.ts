/** The screen that an address leads to, as the server calls it (`/posts/{id}`), without any id; undefined for none of ours. */
export function screenOf(pathname: string, patterns: readonly string[]): string | undefined {
  const parts = pathname.split('/')
  const found = patterns.find((pattern) => {
    const wanted = pattern.split('/')
    return wanted.length === parts.length && wanted.every((part, i) => part === parts[i] || (part.startsWith(':') && parts[i] !== ''))
  })
  return found?.replace(/:(\w+)/g, '{$1}')
}

/** Whether the browser asks that nobody is followed around. The server asks that again, of each request. */
function unfollowed(): boolean {
  const asks = navigator as { globalPrivacyControl?: boolean; doNotTrack?: string | null }
  return asks.globalPrivacyControl === true || asks.doNotTrack === '1'
}

let last: string | undefined

/**
 * Tells the server which screen is looked at, where it counts that: the app is one page to it. The first screen came with that page and
 * was counted there.
 */
export function tellOf(pathname: string, patterns: readonly string[], counts: boolean): void {
  const before = last
  last = pathname
  if (before === undefined || before === pathname || !counts || unfollowed()) return
  const screen = screenOf(pathname, patterns)
  // Nobody waits for the answer, and nobody is told when it does not come.
  if (screen) fetch('/page-view', { method: 'POST', body: screen, keepalive: true, headers: { 'Content-Type': 'text/plain' } }).catch(() => undefined)
}
