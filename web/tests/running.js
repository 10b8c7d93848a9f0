// What Run types, and when.
import assert from 'node:assert/strict'
import { lab, rows, shows, until } from './lab.js'

const text = async (page) => ((await rows(page).textContent()) ?? '').replaceAll('\u00a0', ' ')
const run = (page, command) => page.getByRole('button', { name: `Run in the terminal: ${command}` }).click()

export const running = {
  async 'Run gives a program that is running nothing, and offers to stop it'(page) {
    await lab(page)
    await page.locator('#step-create .inline-run').first().click()
    await shows(page, '--watch')
    await shows(page, '1/1     Running')
    await run(page, 'kubectl create')
    const offer = page.getByRole('alertdialog', { name: 'A program is running in this terminal' })
    await offer.waitFor()
    assert.ok(!(await text(page)).includes('kubectl create'), 'it was typed into the program')
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/held.png` })
    await offer.getByRole('button', { name: 'Cancel' }).click()
    await offer.waitFor({ state: 'detached' })
    await run(page, 'kubectl create')
    await offer.getByRole('button', { name: 'Stop it and run' }).click()
    await shows(page, 'deployment.apps/web created')
    await offer.waitFor({ state: 'detached' })
  },

  async 'Run behind half a command does not glue to it'(page) {
    await lab(page)
    await page.keyboard.type('kubectl get po')
    await shows(page, 'kubectl get po')
    await run(page, 'kubectl create')
    await shows(page, 'deployment.apps/web created')
    assert.ok(!(await text(page)).includes('get pokubectl'), await text(page))
  },

  async 'Run types several commands one after the other'(page) {
    await lab(page)
    const title = page.locator('#step-self-heal button[aria-expanded]')
    if ((await title.getAttribute('aria-expanded')) === 'false') await title.click()
    await run(page, 'kubectl delete pod')
    await until('both commands have a prompt of their own', async () => (await text(page)).match(/\$ kubectl (delete pod|get pods)/g)?.length === 2)
    await shows(page, 'NAME                   READY')
    assert.equal(await page.getByText('more command').count(), 0)
  },
}
