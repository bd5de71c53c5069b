/** Whether the server still knows who we are. The page stays as it is while a person signs in again in another tab. */
export const session = $state({ ended: false })

export function sessionEnded(): void {
  session.ended = true
}

export function sessionBack(): void {
  session.ended = false
}
