import svelte from 'eslint-plugin-svelte'
import ts from 'typescript-eslint'

// Few rules, each for a reason: types are svelte-check's business.
export default ts.config(
  { ignores: ['dist/', 'node_modules/', 'src/api/schema.gen.ts', 'public/'] },
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser } },
    rules: {
      // Keys are given wherever items move; plain lists of words need none.
      'svelte/require-each-key': 'off',
      // Sets and maps here are values that are replaced whole.
      'svelte/prefer-svelte-reactivity': 'off',
      // The content security policy forbids style attributes; style: directives are set through the CSSOM.
      'no-restricted-syntax': ['error', { selector: 'SvelteAttribute[key.name="style"]', message: 'Use a style: directive or a class.' }],
      // Links are resolved by our own router.
      'svelte/no-navigation-without-resolve': 'off',
      'svelte/no-at-html-tags': 'error',
    },
  },
  { rules: { 'no-console': 'error', eqeqeq: 'error' } },
)
