// What the student broke, and has mended.
import assert from 'node:assert/strict'
import { steer } from './browser.js'
import { lab, until } from './lab.js'

const faults = [
  { type: 'Kubeconfig', message: 'There is no kubeconfig: ~/.kube/config is gone, so kubectl looks for a cluster at localhost:8080. Mending it writes the lab’s own.' },
  { type: 'Addons', message: 'This cluster lacks what every cluster has: Deployment kube-system/coredns, which was deleted.' },
]

export const repairs = {
  async 'what the student broke is named, and mended by a button'(page) {
    await lab(page)
    const list = page.getByRole('list', { name: 'What is broken' })
    assert.equal(await list.count(), 0)
    await steer('break', { faults })
    await list.getByText('There is no kubeconfig').waitFor()
    assert.equal(await list.getByRole('listitem').count(), 2)
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/repairs.png` })
    await list.getByRole('button', { name: 'Mend it' }).first().click()
    await until('one fault is left', async () => (await list.getByRole('listitem').count()) === 1)
    await page.getByText('Mended.').waitFor()
    // What cannot be mended now stays, and says why.
    await list.getByRole('button', { name: 'Mend it' }).click()
    await page.getByText('That could not be mended now.').waitFor()
    assert.equal(await list.getByRole('listitem').count(), 1)
    await steer('break', { faults: [] })
    await until('nothing is broken', async () => (await list.count()) === 0)
  },
}
