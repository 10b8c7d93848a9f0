// Every page in both themes against axe's rules: npm run axe.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { launch, newPage, scenes, startMock, steer } from './browser.js'

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const wanted = process.argv.slice(2)
const stop = await startMock()
const browser = await launch()
let pages = 0
let failed = 0
try {
  for (const [name, scene] of Object.entries(scenes)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    for (const theme of ['light', 'dark']) {
      const { context, page } = await newPage(browser, { theme })
      // Colours are judged when nothing moves any more.
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
      await scene(page)
      await page.waitForTimeout(500)
      await page.evaluate(source)
      // Not in the emulator: its helper elements are its own, and it keeps a
      // minimum contrast by itself.
      const { violations } = await page.evaluate(() =>
        globalThis.axe.run({ exclude: [['.xterm']] }, {
          runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
        }),
      )
      pages++
      for (const violation of violations) {
        failed++
        const nodes = violation.nodes.map((node) => `    ${node.target.join(' ')}\n      ${node.failureSummary?.split('\n').slice(1).join(' ').trim()}`)
        process.stdout.write(`${name} (${theme}): ${violation.id}: ${violation.help}\n${nodes.slice(0, 4).join('\n')}\n`)
      }
      await steer('down', { down: false })
      await context.close()
    }
  }
} finally {
  await browser.close()
  stop()
}
process.stdout.write(`${pages} pages, ${failed} violations\n`)
process.exitCode = failed > 0 ? 1 : 0
