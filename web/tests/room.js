// Nothing covers what a person reads or types: what the page has to tell has a place of its own.
import assert from 'node:assert/strict'
import { origin, steer } from './browser.js'
import { complete, lab, placeOf, rows, settled, shows, type, until } from './lab.js'

const sizes = [[1600, 1000], [1280, 720], [390, 844]]
const long = 'The Deployment web has to run five replicas of nginx:1.28, and it runs two. '.repeat(12)

/** Takes a picture in light and dark, where they are wanted. */
async function picture(page, name) {
  if (!process.env.SHOTS) return
  for (const colorScheme of ['light', 'dark']) {
    await page.evaluate((theme) => (document.documentElement.dataset.theme = theme), colorScheme)
    await page.screenshot({ path: `${process.env.SHOTS}/${name}-${colorScheme}.png` })
  }
}

/** Whether the terminal's last line of text is in sight: whether a click on any part of it would meet it. */
const lastLineSeen = (page) =>
  rows(page).evaluate((element) => {
    const last = [...element.children].filter((row) => row.textContent.trim() !== '').at(-1)
    const box = last.getBoundingClientRect()
    return [0.02, 0.2, 0.5, 0.8].every((part) => document.elementFromPoint(box.left + box.width * part, box.top + box.height / 2)?.closest('.xterm'))
  })

export const room = {
  async 'a verdict of any length has the room that one of a word has'(page) {
    await lab(page)
    await complete(page, 'create')
    await page.getByRole('button', { name: 'Next step' }).click()
    for (const [width, height] of sizes) {
      await page.setViewportSize({ width, height })
      const verdict = page.getByRole('region', { name: 'Where you are' })
      const heading = page.locator('#step-self-heal h2')
      const put = async (message) => {
        await steer('find', { step: 'self-heal', check: 'young', status: 'False', reason: 'NotFound', message })
        await page.getByText(message).first().waitFor({ state: 'attached' })
        await heading.evaluate((e) => e.scrollIntoView({ block: 'end', behavior: 'instant' })) // its results are below
      }
      await put('Short.')
      const [before] = await settled([verdict])
      await put(long.trim())
      await verdict.getByText(long.trim()).waitFor()
      const [after] = await settled([verdict])
      assert.deepEqual(after, before, `at ${width}`)
      const cut = await verdict.locator('.words').evaluate((e) => e.getBoundingClientRect().bottom <= e.closest('section').getBoundingClientRect().bottom)
      assert.ok(cut, `the words leave their place at ${width}`)
      await picture(page, `verdict-${width}`)
    }
  },

  async 'the terminal\'s notices leave its last line in sight'(page) {
    await lab(page)
    for (const [width, height] of sizes) {
      await page.setViewportSize({ width, height })
      for (let i = 0; i < 20; i++) await type(page, `line-${width}-${i}`)
      await shows(page, `line-${width}-19: command not found`)
      await until('the last line in sight', () => lastLineSeen(page))
      await steer('down', { down: true })
      const card = page.getByText('The terminal is not connected.')
      await card.waitFor()
      await until('the last line above the notice', () => lastLineSeen(page))
      const box = await placeOf(card)
      assert.ok(box && box.y < height, `the notice is on the screen at ${width}`)
      await picture(page, `away-${width}`)
      await steer('down', { down: false })
      await card.waitFor({ state: 'detached', timeout: 20_000 })
      await until('the last line in sight again', () => lastLineSeen(page))
    }
  },

  async 'a notice of a program that runs leaves its last line in sight'(page) {
    await lab(page)
    await page.setViewportSize({ width: 1280, height: 720 })
    for (let i = 0; i < 25; i++) await type(page, `line-${i}`)
    await page.locator('#step-create .inline-run').first().click()
    await shows(page, '1/1     Running')
    await page.getByRole('button', { name: /^Run in the terminal: kubectl create/ }).click()
    const offer = page.getByRole('alertdialog', { name: 'A program is running in this terminal' })
    await offer.waitFor()
    await until('the last line above the notice', () => lastLineSeen(page))
    await picture(page, 'held')
  },

  async 'a copy button in a dialog works without a secure context'(page) {
    await page.addInitScript(() => {
      Object.defineProperty(navigator, 'clipboard', { value: undefined })
      document.addEventListener('copy', () => (window.copied = document.activeElement?.value?.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)))
    })
    await steer('reset', { mode: 'serve', user: { id: 'u_3', name: 'Ines', role: 'Instructor' } })
    await page.goto(origin + '/classes/c_1')
    await page.getByRole('rowheader', { name: /^Alan Turing/ }).getByRole('button').click()
    await page.getByRole('button', { name: 'Give a new password' }).click()
    const shown = await page.locator('dialog code').textContent()
    await page.getByRole('dialog').getByRole('button', { name: 'Copy' }).click()
    await page.getByText('The password is copied.').waitFor()
    assert.equal(await page.evaluate(() => window.copied), shown?.trim())
    assert.ok(await page.evaluate(() => document.activeElement?.closest('dialog') !== null), 'the focus is in the dialog still')
  },
}
