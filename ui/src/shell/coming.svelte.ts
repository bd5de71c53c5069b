/** Whether the code of another screen is on its way, for long enough to say so. */
export const coming = $state({ screen: false })

let timer = 0
let newest = 0

/** Says that a screen is coming until it is there, unless it comes before anybody notices. Of several the last one counts: the person went on. */
export function comes<T>(screen: Promise<T>): Promise<T> {
  const mine = ++newest
  clearTimeout(timer)
  timer = window.setTimeout(() => (coming.screen = true), 40)
  const over = (): void => {
    if (mine !== newest) return
    clearTimeout(timer)
    coming.screen = false
  }
  screen.then(over, over)
  return screen
}
