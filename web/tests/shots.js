// Pictures of every page: npm run shots [-- scene…]. They land in .shots.
import { mkdirSync } from 'node:fs'
import { launch, newPage, scenes, startMock, steer } from './browser.js'

const wanted = process.argv.slice(2)
const sizes = process.env.SIZE ? [process.env.SIZE.split('x').map(Number)] : [[1280, 800]]
const themes = process.env.THEME ? [process.env.THEME] : ['light', 'dark']
mkdirSync('.shots', { recursive: true })

const stop = await startMock()
const browser = await launch()
let failed = false
try {
  for (const [name, scene] of Object.entries(scenes)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    for (const theme of themes) {
      for (const [width, height] of sizes) {
        const { context, page, errors } = await newPage(browser, { theme, width, height })
        try {
          await scene(page)
          await page.waitForTimeout(700)
          const size = width === 1280 ? '' : `-${width}`
          await page.screenshot({ path: `.shots/${name}-${theme}${size}.png` })
        } catch (error) {
          errors.push(String(error))
          await page.screenshot({ path: `.shots/${name}-${theme}-FAILED.png` })
        }
        await steer('down', { down: false })
        if (errors.length > 0) {
          failed = true
          process.stderr.write(`${name} (${theme}): ${errors.join('\n  ')}\n`)
        }
        await context.close()
      }
    }
  }
} finally {
  await browser.close()
  stop()
}
process.exitCode = failed ? 1 : 0
