import type { Schemas } from '../api/client.ts'

export type Label = Schemas['Label']
export type Colour = Label['colour']

/** The colours of labels in the order they are offered, with what they are called. */
export const colours: { value: Colour; words: string }[] = [
  { value: 'grey', words: 'Grey' },
  { value: 'red', words: 'Red' },
  { value: 'orange', words: 'Orange' },
  { value: 'yellow', words: 'Yellow' },
  { value: 'green', words: 'Green' },
  { value: 'teal', words: 'Teal' },
  { value: 'blue', words: 'Blue' },
  { value: 'purple', words: 'Purple' },
  { value: 'pink', words: 'Pink' },
]

/** The colour that the fewest labels have, for the next one. */
export function freshColour(labels: Label[]): Colour {
  const count = (c: Colour) => labels.filter((l) => l.colour === c).length
  return colours.slice(1).reduce((best, c) => (count(c.value) < count(best) ? c.value : best), colours[1]!.value)
}
