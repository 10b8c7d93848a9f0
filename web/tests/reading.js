// Nothing moves under a reader: what is measured is where the text is on the screen.
import assert from 'node:assert/strict'
import { origin, steer } from './browser.js'
import { complete, expanded, inSight, lab, placeOf, placesOf, prompt, settled, shows, until } from './lab.js'

export const reading = {
  async 'a long line of a block without Run shows that it goes on, and scrolls by keyboard'(page) {
    await lab(page)
    const title = page.locator('#step-self-heal button[aria-expanded]')
    if ((await title.getAttribute('aria-expanded')) === 'false') await title.click()
    const block = page.locator('#step-self-heal pre:not([data-run])')
    const place = await block.evaluate((pre) => ({ shown: pre.clientWidth, whole: pre.scrollWidth, shade: getComputedStyle(pre).backgroundAttachment }))
    assert.ok(place.whole > place.shown, `the block is ${place.shown} wide and its lines ${place.whole}`)
    assert.match(place.shade, /local.*scroll/)
    await block.focus()
    await page.keyboard.press('ArrowRight')
    await until('the block scrolls', () => block.evaluate((pre) => pre.scrollLeft > 0))
  },

  async 'Run types the command, a step ticks, and nothing moves until the reader does'(page) {
    await lab(page)
    await page.setViewportSize({ width: 1280, height: 600 })
    const teaching = page.getByText('Watch it come up with')
    await teaching.scrollIntoViewIfNeeded()
    await page.getByRole('button', { name: /^Run in the terminal: kubectl create/ }).click()
    const before = await settled([teaching])
    await shows(page, 'deployment.apps/web created')
    await page.getByText('Not yet', { exact: true }).first().waitFor()
    await complete(page, 'create')
    assert.deepEqual(await placesOf([teaching]), before)
    assert.equal(await expanded(page, 'create'), 'true')
    assert.equal(await expanded(page, 'scale'), 'false')
    const focused = await page.evaluate(() => document.activeElement?.className)
    assert.match(focused, /xterm-helper-textarea/)
    const spoken = await page.locator('[aria-live=polite].hidden-words').first().textContent()
    assert.match(spoken, /Step complete: Create the deployment/)
    await page.getByRole('link', { name: 'Step 1, Create the deployment: Complete' }).waitFor()
    await page.getByRole('button', { name: 'Next step' }).click()
    assert.equal(await expanded(page, 'self-heal'), 'true')
    assert.equal(await expanded(page, 'create'), 'true')
    await until('the next step in sight', () => inSight(page.locator('#step-self-heal h2')))
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'step-self-heal')
  },

  async 'results above what is read grow and shrink, and it stays'(page) {
    await lab(page)
    await page.setViewportSize({ width: 1280, height: 600 })
    await page.getByRole('link', { name: /^Step 2/ }).click()
    const read = page.getByText('Pods of a Deployment are cattle.')
    await until('the step in sight', () => inSight(read))
    const [before] = await settled([read])
    const long = 'Want the image nginx:1.27, and the Deployment web asks for another. '.repeat(6)
    await steer('find', { step: 'create', check: 'replicas', status: 'False', reason: 'Wrong', message: long })
    await page.locator('#results-create').getByText(long.trim()).waitFor()
    assert.deepEqual(await placeOf(read), before)
    await steer('find', { step: 'create', check: 'replicas', status: 'True', reason: 'Passed', message: '' })
    await page.locator('#results-create').getByText(long.trim()).waitFor({ state: 'detached' })
    assert.deepEqual(await placeOf(read), before)
  },

  async 'the end of the text does not slide down when results below it shrink'(page) {
    await lab(page)
    await page.setViewportSize({ width: 1280, height: 500 })
    await page.getByRole('link', { name: /^Step 4/ }).click()
    const long = 'Want five replicas, and the Deployment web asks for three. '.repeat(9)
    await steer('find', { step: 'scale', check: 'five', status: 'False', reason: 'Wrong', message: long })
    await page.locator('#results-scale').getByText(long.trim()).waitFor()
    await page.getByRole('region', { name: 'Instructions' }).evaluate((e) => e.scrollTo({ top: 100_000, behavior: 'instant' }))
    const read = page.locator('#step-scale .prose').first()
    const before = await placeOf(read)
    for (const step of ['create', 'self-heal', 'expose', 'scale']) await complete(page, step)
    await page.getByRole('heading', { name: 'Lab finished' }).waitFor()
    assert.deepEqual(await placeOf(read), before)
    assert.equal(await page.getByRole('dialog').count(), 0)
    assert.match(await page.locator('[aria-live=polite].hidden-words').first().textContent(), /Lab finished/)
  },

  async 'a hint comes below what is read'(page) {
    await lab(page)
    await page.setViewportSize({ width: 1280, height: 600 })
    const button = page.getByRole('button', { name: /^Show a hint/ }).first()
    await button.scrollIntoViewIfNeeded()
    const read = page.getByText('Watch it come up with')
    const before = await placeOf(read)
    await button.click()
    const hint = page.getByRole('region', { name: /^Hint 1/ })
    await hint.waitFor()
    await until('the hint unfolded', () => hint.evaluate((e) => e.getAnimations().length === 0))
    assert.deepEqual(await placeOf(read), before)
    const told = await placeOf(hint)
    await complete(page, 'create')
    assert.deepEqual(await placeOf(hint), told)
    assert.deepEqual(await placeOf(read), before)
  },

  async 'a lost connection moves neither the text nor the terminal'(page) {
    for (const width of [1440, 1024, 390]) {
      await lab(page)
      await page.setViewportSize({ width, height: 844 })
      const parts = [page.locator('#step-create .prose > *').first(), page.locator('[role=tabpanel]:not(.away) .xterm-screen')]
      const before = await settled(parts)
      await steer('down', { down: true })
      await page.getByText('Connection lost.').waitFor()
      assert.deepEqual(await placesOf(parts), before, String(width))
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true)
      if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/lost-${width}.png` })
      await steer('down', { down: false })
      await page.getByText('Connection lost.').waitFor({ state: 'detached', timeout: 15_000 })
      assert.deepEqual(await placesOf(parts), before, String(width))
    }
  },

  async 'a lab that starts folds nothing that is being read'(page) {
    await steer('reset', { speed: 0 })
    await page.goto(origin + '/labs/deployments')
    await page.setViewportSize({ width: 1280, height: 600 })
    const read = page.getByText('Pods of a Deployment are cattle.')
    await read.scrollIntoViewIfNeeded()
    await page.getByRole('region', { name: 'Instructions' }).evaluate((e) => e.scrollBy({ top: 200, behavior: 'instant' }))
    const before = await placeOf(read)
    await page.getByRole('button', { name: 'Start the lab' }).click()
    await page.getByText('Starting the machines').waitFor()
    assert.deepEqual(await placeOf(read), before)
    await steer('ready')
    await shows(page, prompt)
    await page.locator('#results-self-heal').waitFor()
    assert.deepEqual(await placeOf(read), before)
    assert.equal(await expanded(page, 'scale'), 'false')
  },

  async 'the verdict below the text is whole'(page) {
    const verdict =
      'Want the image nginx:1.27, and the Deployment web of namespace default asks for registry.example.com:5000/mirror/library/nginx:1.27.3-alpine-slim.'
    await lab(page)
    await steer('find', { step: 'create', check: 'replicas', status: 'False', reason: 'Wrong', message: verdict })
    for (const [width, height] of [[1440, 900], [1024, 768], [390, 844]]) {
      await page.setViewportSize({ width, height })
      await page.getByRole('region', { name: 'Instructions' }).evaluate((e) => e.scrollTo({ top: 0, behavior: 'instant' }))
      const bar = page.getByTitle('Show the results of this step')
      if (!(await bar.count())) await page.setViewportSize({ width, height: 560 })
      await bar.getByText(verdict).waitFor()
      const cut = await bar.evaluate((e) => [...e.querySelectorAll('*'), e, e.parentElement].some((p) => p.scrollWidth > p.clientWidth + 1 && getComputedStyle(p).display !== 'inline'))
      assert.equal(cut, false, `cut at ${width}`)
      const box = await bar.boundingBox()
      const section = await page.getByRole('region', { name: 'Where you are' }).boundingBox()
      assert.ok(box && section && box.y >= section.y && box.y + box.height <= section.y + section.height, `hidden at ${width}`)
      if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/verdict-${width}.png` })
    }
  },

  async 'the result of the current step is in sight, wherever its instructions are'(page) {
    await lab(page)
    const bar = page.getByTitle('Show the results of this step')
    const results = page.locator('#results-create')
    const resultsInSight = () => results.evaluate((e) => e.getBoundingClientRect().bottom > 60 && e.getBoundingClientRect().top < innerHeight)
    for (const top of [0, 100_000]) {
      await page.getByRole('region', { name: 'Instructions' }).evaluate((e, to) => e.scrollTo({ top: to, behavior: 'instant' }), top)
      if (await resultsInSight()) continue
      await bar.waitFor()
      await steer('find', { step: 'create', check: 'replicas', status: 'False', reason: 'Wrong', message: `Want 3 replicas, not ${top}.` })
      await page.getByRole('button', { name: `Step 1 Not right yet Want 3 replicas, not ${top}.` }).click()
      await until('the results in sight', resultsInSight)
      await bar.waitFor({ state: 'detached' })
    }
  },
}
