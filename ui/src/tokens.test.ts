import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const css = readFileSync(new URL('./tokens.css', import.meta.url), 'utf8')

function declarations(block: string): string[] {
  return block
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('--'))
}

test('dark is the same whether the system or the person chose it', () => {
  const system = css.match(/:root:not\(\[data-theme='light'\]\) \{([^}]*)\}/)?.[1] ?? ''
  const chosen = css.match(/:root\[data-theme='dark'\] \{([^}]*)\}/)?.[1] ?? ''
  expect(declarations(system).length).toBeGreaterThan(20)
  expect(declarations(chosen)).toEqual(declarations(system))
})

test('there is one radius and one shadow', () => {
  expect(new Set(css.match(/--radius[\w-]*(?=:)/g))).toEqual(new Set(['--radius']))
  expect(new Set(css.match(/--shadow[\w-]*(?=:)/g))).toEqual(new Set(['--shadow']))
})
