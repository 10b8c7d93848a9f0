import js from '@eslint/js'
import svelte from 'eslint-plugin-svelte'
import globals from 'globals'
import ts from 'typescript-eslint'
import svelteConfig from './svelte.config.js'

export default ts.config(
  { ignores: ['dist/', 'node_modules/', 'test-results/', '.shots/'] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  {
    files: ['src/**/*.{ts,svelte}', 'public/*.js'],
    languageOptions: { globals: globals.browser },
  },
  {
    files: ['mock/**/*.js', 'tests/**/*.js', 'e2e/**/*.ts', '*.js', '*.ts'],
    languageOptions: { globals: globals.node },
  },
  {
    // Their callbacks run in the page.
    files: ['tests/**/*.js', 'e2e/**/*.ts'],
    languageOptions: { globals: globals.browser },
    // Playwright's fixtures are asked for by pattern, none of them by {}.
    rules: { 'no-empty-pattern': ['error', { allowObjectPatternsAsParameters: true }] },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
  },
  {
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      'max-lines': ['error', 400],
      // Only Rendered.svelte shows HTML, and only the server's sanitised own.
      'svelte/no-at-html-tags': 'error',
      // State is made with runes where it is meant to be; plain collections stay plain.
      'svelte/prefer-svelte-reactivity': 'off',
    },
  },
)
