import { defineConfig } from '@playwright/test'
import journeys from './playwright.config'

/** The figures that only a browser can give. `make bench` runs them. */
export default defineConfig(journeys, { testMatch: '*.bench.ts', reporter: 'line', use: { trace: 'off' } })
