import { svelte } from '@sveltejs/vite-plugin-svelte'
import tailwindcss from '@tailwindcss/vite'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

// Words are drawn in their font at once, instead of jumping into it: it is asked for with the page, not once its styles were read.
const fontFirst: Plugin = {
  name: 'font-first',
  transformIndexHtml: {
    order: 'post',
    handler(_, { bundle }) {
      const font = Object.keys(bundle ?? {}).find((name) => /figtree-latin-wght/.test(name))
      return font ? [{ tag: 'link', attrs: { rel: 'preload', as: 'font', type: 'font/woff2', crossorigin: '', href: `/${font}` }, injectTo: 'head' }] : []
    },
  },
}

// The gallery of components at /_ui is built in development, and by `npm run gallery`; the shipped bundle has none of it.
export default defineConfig(({ command, mode }) => ({
  plugins: [tailwindcss(), svelte(), fontFirst],
  define: { __GALLERY__: JSON.stringify(command === 'serve' || mode === 'gallery') },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // the content security policy allows no data: URLs
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // What the first page needs is one file: each more is a request.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'first', tags: ['$initial'] }] } } },
  },
  server: {
    host: 'localhost',
    proxy: Object.fromEntries(
      ['/api', '/uploads', '/media', '/sign-in', '/sign-out', '/connect', '/callback', '/privacy-policy', '/terms'].map((path) => [
        path,
        { target: process.env.SHIPPOST_URL ?? 'http://localhost:8080', changeOrigin: true, headers: { origin: process.env.SHIPPOST_URL ?? 'http://localhost:8080' } },
      ]),
    ),
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
}))
