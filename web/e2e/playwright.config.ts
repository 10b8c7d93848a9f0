import { existsSync } from 'node:fs'
import { defineConfig } from '@playwright/test'

const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium'

/** One journey at a time: each has real clusters, and a machine has few cores. */
export default defineConfig({
  testDir: '.',
  outputDir: '../test-results',
  fullyParallel: false,
  workers: 1,
  timeout: 6 * 60_000,
  expect: { timeout: 30_000 },
  reporter: [['list'], ['junit', { outputFile: '../test-results/e2e.xml' }]],
  use: {
    viewport: { width: 1440, height: 900 },
    screenshot: 'only-on-failure',
    trace: 'retain-on-failure',
    permissions: ['clipboard-read', 'clipboard-write'],
    launchOptions: {
      ...(existsSync(chromium) ? { executablePath: chromium } : {}),
      // Without WebGL the terminal draws its rows as text, which the tests read.
      args: ['--no-sandbox', '--disable-background-networking', '--disable-quic', '--disable-3d-apis'],
    },
  },
})
