import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

const outDir = join(import.meta.dirname, 'dist')

/**
 * Empties dist but for .gitkeep, which a clean clone needs for its go:embed.
 * It runs once the sources have compiled, so that a failed build leaves the
 * last good one in place.
 */
function emptyDist(): Plugin {
  return {
    name: 'empty-dist',
    apply: 'build',
    enforce: 'pre',
    buildEnd(error) {
      if (error) return
      for (const name of readdirSync(outDir)) {
        if (name !== '.gitkeep') rmSync(join(outDir, name), { recursive: true })
      }
    },
  }
}

const api = process.env.WHEELHOUSE_API ?? 'http://127.0.0.1:4100'

export default defineConfig({
  plugins: [emptyDist(), svelte()],
  build: {
    outDir,
    emptyOutDir: false,
    // The policy that the server sends allows no data: fonts or scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    chunkSizeWarningLimit: 700,
  },
  server: {
    host: '127.0.0.1',
    port: 4101,
    proxy: { '/api': { target: api, ws: true, changeOrigin: false } },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
})
