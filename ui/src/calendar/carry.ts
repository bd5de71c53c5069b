import type { Plan } from './plan.svelte.ts'

/** How long a finger rests on something until it is lifted, in milliseconds: shorter than until the system's own menu. */
const rest = 350
/** How far a finger may slip meanwhile, in pixels. */
const slip = 10
/** How near to the edge of the window the page begins to scroll. */
const edge = 72

/**
 * An attachment for what can be dragged over the calendar: after a long press a finger carries it to a day, an hour or a free place, which
 * are told of it as they are of a mouse. Moving at once scrolls the page, as everywhere.
 */
export function carried(plan: Plan, take: () => void) {
  return (node: HTMLElement): (() => void) => {
    let timer = 0
    let frame = 0
    let from: { x: number; y: number } | undefined
    let at = { x: 0, y: 0 }
    let ghost: HTMLElement | undefined
    let over: Element | null = null

    /** Tells what lies under the finger what a mouse would. */
    function tell(kind: 'dragover' | 'dragleave' | 'drop', to: Element | null): void {
      to?.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, clientX: at.x, clientY: at.y }))
    }

    function lift(): void {
      take()
      if (!plan.cargo) return
      const box = node.getBoundingClientRect()
      ghost = node.cloneNode(true) as HTMLElement
      ghost.removeAttribute('href')
      ghost.setAttribute('aria-hidden', 'true')
      ghost.inert = true
      ghost.classList.add('carried')
      Object.assign(ghost.style, { width: `${box.width}px`, height: `${box.height}px`, left: `${box.left - at.x}px`, top: `${box.top - at.y}px` })
      node.after(ghost)
      if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(12)
      go()
    }

    function go(): void {
      if (!ghost) return
      ghost.style.transform = `translate(${at.x}px, ${at.y}px)`
      const there = document.elementFromPoint(at.x, at.y)
      if (there !== over) tell('dragleave', over)
      over = there
      tell('dragover', over)
      const by = at.y < edge ? at.y - edge : at.y > innerHeight - edge ? at.y - innerHeight + edge : 0
      if (by !== 0) scrollBy({ top: by / 4, behavior: 'instant' })
      frame = requestAnimationFrame(go)
    }

    function end(): void {
      window.clearTimeout(timer)
      cancelAnimationFrame(frame)
      if (ghost) tell('dragleave', over)
      ghost?.remove()
      ghost = undefined
      over = null
      from = undefined
      plan.cargo = undefined
    }

    function down(e: TouchEvent): void {
      const finger = e.touches[0]
      if (from || e.touches.length !== 1 || !finger) return
      from = at = { x: finger.clientX, y: finger.clientY }
      timer = window.setTimeout(lift, rest)
    }

    function moved(e: TouchEvent): void {
      const finger = e.touches[0]
      if (!from || !finger) return
      at = { x: finger.clientX, y: finger.clientY }
      if (ghost) e.preventDefault() // else the page would scroll
      else if (Math.hypot(at.x - from.x, at.y - from.y) > slip) end()
    }

    function up(e: TouchEvent): void {
      if (ghost) {
        e.preventDefault() // no press of what it was
        const to = over
        over = null
        ghost.hidden = true
        tell('drop', to)
      }
      end()
    }

    /** The system's own menu, and its own way of dragging, which not every system has. */
    function not(e: Event): void {
      if (from) e.preventDefault()
    }

    const still = { passive: false }
    node.addEventListener('touchstart', down, { passive: true })
    node.addEventListener('touchmove', moved, still)
    node.addEventListener('touchend', up, still)
    node.addEventListener('touchcancel', end)
    node.addEventListener('contextmenu', not)
    node.addEventListener('dragstart', not, true)
    return () => {
      if (from) end()
      node.removeEventListener('touchstart', down)
      node.removeEventListener('touchmove', moved)
      node.removeEventListener('touchend', up)
      node.removeEventListener('touchcancel', end)
      node.removeEventListener('contextmenu', not)
      node.removeEventListener('dragstart', not, true)
    }
  }
}
