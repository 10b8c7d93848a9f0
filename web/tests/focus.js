// Where the next key goes: what a click leads to has the keyboard before a person can type.
import assert from 'node:assert/strict'
import { complete, lab, prompt, shows, until } from './lab.js'

const focused = (page) => page.evaluate(() => document.activeElement?.closest('[role=tabpanel]')?.id ?? document.activeElement?.id)

/** Clicks, and returns what has the keyboard before the browser draws the next frame. */
const afterClick = (button) =>
  button.evaluate(async (e) => {
    e.focus()
    e.click()
    for (let turn = 0; turn < 20; turn++) await null
    return document.activeElement?.closest('[role=tabpanel]')?.id ?? document.activeElement?.id
  })

export const focus = {
  async 'a slow frame after “Next step” does not take the keyboard from the terminal'(page) {
    await lab(page)
    await complete(page, 'create')
    const at = await page.getByRole('button', { name: 'Next step' }).evaluate(async (next) => {
      next.click()
      document.querySelector('[role=tabpanel]:not(.away) textarea').focus()
      for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame)
      return document.activeElement.className
    })
    assert.match(at, /xterm-helper-textarea/)
  },

  async 'a terminal that is chosen, opened or left behind gives the keyboard to the one in sight'(page) {
    await lab(page)
    await page.getByRole('button', { name: 'Open another terminal' }).click()
    await until('the new terminal has the keyboard', async () => (await focused(page)) === 'panel-2')
    await shows(page, prompt)
    await page.keyboard.type('here ')
    await shows(page, 'here')
    assert.equal(await page.getByRole('tab').count(), 2)
    assert.equal(await afterClick(page.getByRole('tab', { name: 'Terminal 1' })), 'panel-1')
    assert.equal(await afterClick(page.getByRole('tab', { name: 'Terminal 2' })), 'panel-2')
    assert.equal(await afterClick(page.getByRole('button', { name: 'Put terminal 2 away' })), 'panel-1')
  },
}
