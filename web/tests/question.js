// Questions that a student answers on the page.
import assert from 'node:assert/strict'
import { origin, steer } from './browser.js'
import { until } from './lab.js'

export const question = {
  async 'a wrong option of a question stays wrong, and the next one is chosen'(page) {
    await steer('reset', { speed: 0 })
    await page.goto(origin + '/labs/cluster-ip')
    await page.getByRole('button', { name: 'Start the lab' }).click()
    await steer('ready')
    const step = page.locator('#step-part-1')
    await step.getByText('A wrong choice costs a part of the points.').waitFor()
    await step.getByLabel('kubelet').check()
    await step.getByRole('button', { name: 'Answer' }).click()
    await step.getByText('That is a program.').first().waitFor()
    await until('the wrong one cannot be chosen', () => step.getByLabel(/kubelet/).isDisabled())
    assert.equal(await step.getByLabel(/kubelet/).isChecked(), false)
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/question.png` })
    await page.reload()
    await until('the wrong one cannot be chosen after a reload', () => step.getByLabel(/kubelet/).isDisabled())
    await step.getByLabel('Service').check()
    await step.getByRole('button', { name: 'Answer' }).click()
    await step.getByText('Your answer: Service').waitFor()
  },
}
