// What a person does on the pages, in a real browser against the mock: npm run behaviour.
import assert from 'node:assert/strict'
import { launch, newPage, origin, startMock, steer } from './browser.js'
import { lab, prompt, rows, shows, type, until } from './lab.js'
import { startProxy } from './proxy.js'
import { question } from './question.js'
import { focus } from './focus.js'
import { repairs } from './repairs.js'
import { reading } from './reading.js'
import { room } from './room.js'
import { running } from './running.js'

const tests = {
  async 'the terminal has the keyboard as soon as it opens'(page) {
    await lab(page)
    await page.keyboard.type('kubectl get nodes')
    await page.keyboard.press('Enter')
    await shows(page, 'control-plane')
  },

  async 'Option types what a German Mac keyboard has there'(page) {
    await page.addInitScript(() => Object.defineProperty(navigator, 'platform', { get: () => 'MacIntel' }))
    await lab(page)
    await page.locator('[role=tabpanel]:not(.away) textarea').first().focus()
    await page.keyboard.type('echo ')
    const keys = await page.context().newCDPSession(page)
    const option = 1 // of the protocol's modifiers
    for (const [code, key] of [['Digit5', '['], ['Digit6', ']'], ['Digit7', '|'], ['Digit8', '{'], ['Digit9', '}'], ['KeyL', '@'], ['Digit7', '\\']]) {
      const event = { code, key, modifiers: option, windowsVirtualKeyCode: (code.startsWith('Key') ? code : code.slice(-1)).charCodeAt(code.startsWith('Key') ? 3 : 0) }
      await keys.send('Input.dispatchKeyEvent', { ...event, type: 'keyDown', text: key, unmodifiedText: key })
      await keys.send('Input.dispatchKeyEvent', { ...event, type: 'keyUp' })
    }
    await shows(page, 'echo []|{}@\\')
  },

  async 'a paste that cannot be kept without a connection is refused as a whole'(page) {
    await lab(page)
    await steer('down', { down: true })
    await page.locator('[role=tabpanel]:not(.away) textarea').first().evaluate((area, size) => {
      const data = new DataTransfer()
      data.setData('text/plain', 'a'.repeat(size))
      area.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))
    }, 102_400)
    await page.getByText('None of what you pasted was typed').waitFor()
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/refused.png` })
    await steer('down', { down: false })
    await type(page, 'echo still here')
    await shows(page, 'still here')
    assert.ok(!((await rows(page).textContent()) ?? '').includes('aaaa'))
  },

  async 'a phone shows the lab with nothing beyond its edge'(page) {
    await lab(page)
    await page.setViewportSize({ width: 390, height: 844 })
    await until('no part wider than the window', () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
    for (const name of ['End lab', 'Open another terminal']) {
      const box = await page.getByRole('button', { name }).first().boundingBox()
      assert.ok(box && box.x >= 0 && box.x + box.width <= 390, `${name}: ${JSON.stringify(box)}`)
    }
  },

  async 'a reload brings the screen back, and answers no old query'(page) {
    await lab(page)
    await type(page, 'ask')
    await shows(page, 'asked')
    await shows(page, '<answer>') // live, the emulator does answer
    await type(page, 'kubectl get nodes')
    await shows(page, 'v1.36.3')
    await page.waitForTimeout(300)
    const before = await rows(page).textContent()
    await page.reload()
    await shows(page, 'v1.36.3')
    await page.waitForTimeout(400)
    assert.equal((await rows(page).textContent())?.trim(), before?.trim())
  },

  async 'of three windows on a shell one answers, and a small one gives the size back'(page) {
    await lab(page)
    const columns = () => page.locator('[role=tabpanel]:not(.away) .xterm-screen').evaluate((e) => e.clientWidth)
    const wide = await columns()
    const second = await page.context().newPage()
    const third = await page.context().newPage()
    for (const other of [second, third]) {
      await other.setViewportSize({ width: 900, height: 500 })
      await other.goto(page.url())
      await shows(other, prompt)
    }
    await until('the small size', async () => (await columns()) < wide)
    for (const [i, window] of [second, page].entries()) {
      await type(window, 'ask')
      const answers = async () => ((await rows(window).textContent()) ?? '').split('<answer>').length - 1
      await until('the answers to three queries', async () => (await answers()) >= 3 * (i + 1))
      await type(window, 'after-' + i)
      await shows(window, `after-${i}: command not found`)
      assert.equal(await answers(), 3 * (i + 1))
    }
    await second.close()
    await third.close()
    await until('its own size', async () => (await columns()) === wide)
  },

  async 'a break loses no byte and doubles none'(page) {
    await lab(page)
    await type(page, 'kubectl get nodes')
    await shows(page, 'v1.36.3')
    for (let i = 0; i < 3; i++) {
      await steer('drop')
      await until('connected again', async () => (await page.locator('.dot.open').count()) === 1)
      await page.waitForTimeout(100)
    }
    await type(page, 'after')
    await shows(page, 'after: command not found')
    const text = ((await rows(page).textContent()) ?? '').replaceAll('\u00a0', ' ')
    assert.equal(text.split('v1.36.3').length - 1, 1)
    assert.equal(text.split('command not found').length - 1, 1)
  },

  async 'what is typed while the server is away reaches the shell once'(page) {
    await lab(page)
    await steer('down', { down: true })
    await page.getByText('The terminal is not connected.').waitFor()
    await type(page, 'kept-for-later')
    await steer('down', { down: false })
    await shows(page, 'kept-for-later: command not found', 15_000)
    await type(page, 'after')
    await shows(page, 'after: command not found')
    const text = ((await rows(page).textContent()) ?? '').replaceAll('\u00a0', ' ')
    assert.equal(text.split('kept-for-later: command not found').length - 1, 1)
  },

  async 'yes does not freeze the page, and Ctrl+C answers'(page) {
    await lab(page)
    await type(page, 'yes')
    await shows(page, 'y')
    await page.waitForTimeout(1500)
    const start = Date.now()
    await page.keyboard.press('Control+c')
    await shows(page, '^C', 3000)
    assert.ok(Date.now() - start < 2000, `Ctrl+C took ${Date.now() - start} ms`)
  },

  async 'a server that goes away is told, and found again'(page) {
    await lab(page)
    await steer('down', { down: true })
    await page.getByText('Connection lost.').waitFor()
    await page.getByText('The terminal is not connected.').waitFor()
    await steer('down', { down: false })
    await page.getByText('Connection lost.').waitFor({ state: 'detached', timeout: 15_000 })
    await until('terminal open', async () => (await page.locator('.dot.open').count()) === 1, 15_000)
    await type(page, 'back')
    await shows(page, 'back: command not found')
  },

  async 'a proxy that passes no WebSocket is named, and the steps tick all the same'(page) {
    const proxy = await startProxy()
    try {
      await steer('reset', { speed: 0 })
      await page.goto(proxy.origin + '/labs/deployments')
      await page.getByRole('button', { name: 'Start the lab' }).click()
      const banner = page.getByRole('status').filter({ hasText: 'Steps still count' })
      await banner.getByText('WebSocket connections do not come through.').waitFor()
      await banner.getByText(`wheelhouse doctor --url ${proxy.origin}`).waitFor()
      await steer('ready')
      const terminal = page.locator('[role=tabpanel] [role=status]')
      await terminal.getByText('The terminal cannot connect.').waitFor({ timeout: 20_000 })
      assert.match((await terminal.textContent()) ?? '', /Upgrade and Connection/)
      await steer('complete', { step: 'create' })
      await page.locator('#step-create .badge').waitFor({ timeout: 20_000 })
      if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/blocked.png` })
      proxy.passWebSockets()
      await shows(page, prompt, 20_000)
      await banner.waitFor({ state: 'detached', timeout: 20_000 })
    } finally {
      proxy.stop()
    }
  },

  async 'a session that failed unseen is told, and begun anew'(page) {
    await lab(page)
    await steer('complete', { step: 'create' })
    await page.goto(origin + '/')
    await steer('fail', { reason: 'ClusterGone', message: 'The machines of this cluster are not there any more.' })
    await page.reload()
    await page.locator('a.card').filter({ hasText: 'Cluster lost' }).click()
    await page.getByText('The machines of this cluster are not there any more.').waitFor()
    await page.getByRole('button', { name: 'Start on a new cluster' }).click()
    await page.getByText('Starting the machines').waitFor()
    await steer('ready')
    await shows(page, prompt)
  },

  async 'several terminals, kept over a reload, searched by keyboard'(page) {
    await lab(page)
    await page.getByRole('button', { name: 'Open another terminal' }).click()
    await page.getByRole('tab', { name: 'Terminal 2' }).waitFor()
    await shows(page, prompt)
    await type(page, 'second')
    await shows(page, 'second: command not found')
    await page.reload()
    await page.getByRole('tab', { name: 'Terminal 2' }).click()
    await shows(page, 'second: command not found')
    await page.locator('[role=tabpanel]:not(.away) textarea').first().focus()
    await page.keyboard.press('Control+Shift+F')
    await page.keyboard.type('second')
    await page.locator('.found').getByText('of 2').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('search').waitFor({ state: 'detached' })
    assert.match(await page.evaluate(() => document.activeElement?.className ?? ''), /xterm-helper-textarea/)
  },

  async 'paste and copy'(page) {
    await lab(page)
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.evaluate(() => navigator.clipboard.writeText('pasted words'))
    await page.keyboard.press('Control+v')
    await shows(page, 'pasted words')
    await page.keyboard.press('Enter')
    await page.locator('.xterm-rows > div').first().dblclick({ position: { x: 40, y: 8 }, force: true })
    await page.keyboard.press('Control+c')
    const copied = await until('a copy', async () => {
      const text = await page.evaluate(() => navigator.clipboard.readText())
      return text === 'pasted words' ? '' : text
    })
    assert.match(copied, /student/)
    await page.getByRole('button', { name: 'Copy', exact: true }).first().click()
    await until('the block copied', async () => (await page.evaluate(() => navigator.clipboard.readText())).startsWith('kubectl create'))
  },

  async 'the divider and the way out of the terminal, by keyboard'(page) {
    await lab(page)
    await page.keyboard.press('F6')
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('aria-label')), 'Instructions')
    const divider = page.getByRole('separator')
    await divider.focus()
    const before = Number(await divider.getAttribute('aria-valuenow'))
    await page.keyboard.press('ArrowRight')
    assert.equal(Number(await divider.getAttribute('aria-valuenow')), before + 2)
    await page.reload()
    assert.equal(Number(await page.getByRole('separator').getAttribute('aria-valuenow')), before + 2)
  },

  async 'the whole way by keyboard alone'(page) {
    await steer('reset', { speed: 40 })
    await page.goto(origin + '/')
    await page.getByRole('link', { name: /Deployments/ }).waitFor()
    await page.getByRole('link', { name: /^Deployments/ }).focus()
    await page.keyboard.press('Enter')
    const start = page.getByRole('button', { name: 'Start the lab' })
    await start.waitFor()
    for (let i = 0; i < 60 && !(await start.evaluate((e) => e === document.activeElement)); i++) await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await shows(page, prompt, 15_000)
    await page.keyboard.type('kubectl create deployment web\r')
    await page.locator('#step-create .badge').waitFor()
    for (const line of ['kubectl delete pod x', 'kubectl apply -f x', 'kubectl scale']) await page.keyboard.type(line + '\r')
    await page.getByRole('heading', { name: 'Lab finished' }).waitFor({ state: 'attached' })
    // Enter, pressed while still typing, must not end anything.
    await page.keyboard.press('Enter')
    await page.keyboard.press('F6')
    await page.keyboard.press('Shift+Tab')
    await page.keyboard.press('Enter')
    await page.waitForURL(/cluster-ip/)
    await page.getByRole('heading', { name: 'ClusterIP', level: 1 }).waitFor()
    await shows(page, prompt, 15_000)
  },

  async 'a chosen theme is kept'(page) {
    await steer('reset', {})
    await page.goto(origin + '/')
    const before = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
    await page.getByRole('button', { name: /Switch to the/ }).click()
    const after = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
    assert.notEqual(after, before)
    await page.reload()
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor), after)
  },

  async 'text from a cluster is text'(page) {
    await lab(page)
    await steer('find', { step: 'create', check: 'exists', status: 'False', reason: 'Wrong', message: '<img src=x onerror="window.pwned=1">' })
    await page.locator('.message').getByText('<img src=x').waitFor()
    await page.getByRole('button', { name: 'What was looked at: Deployment web exists' }).click()
    await page.getByText('web <b>not bold</b>').waitFor()
    assert.equal(await page.evaluate(() => globalThis.pwned), undefined)
  },

  async 'a link logs in, and leaves the address bar'(page) {
    await steer('reset', { user: null })
    await page.goto(origin + '/#link=good')
    await page.getByRole('heading', { name: 'Quick start' }).waitFor()
    assert.equal(page.url(), origin + '/')
  },

  async 'a link logs in where the site is open already'(page) {
    await steer('reset', { user: null })
    await page.goto(origin + '/login')
    await page.getByRole('heading').first().waitFor()
    await page.goto(origin + '/login#link=good')
    await page.getByRole('heading', { name: 'Quick start' }).waitFor()
    assert.ok(!page.url().includes('good'))
  },

  async 'the first instructor'(page) {
    await steer('reset', { mode: 'serve', user: null, bootstrap: true })
    await page.goto(origin + '/#link=first')
    await page.getByLabel('Name').fill('Ines')
    await page.getByLabel('Password', { exact: false }).first().fill('four words in a row')
    await page.getByRole('button', { name: 'Take the wheel' }).click()
    await page.getByRole('heading', { name: 'Classes' }).waitFor()
    assert.ok(!page.url().includes('first'))
  },

  async 'too many tries make the form wait'(page) {
    await steer('reset', { mode: 'serve', user: null })
    await page.goto(origin + '/')
    await page.getByLabel('Name').fill('ada')
    await page.getByLabel('Password').fill('wait')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('button', { name: /Wait \d+ s/ }).waitFor()
  },

  async 'an instructor looks after a student and the class\'s code'(page) {
    await steer('reset', { mode: 'serve', user: { id: 'u_3', name: 'Ines', role: 'Instructor' } })
    await page.goto(origin + '/classes/c_1')
    const shot = async (name) => process.env.SHOTS && (await page.screenshot({ path: `${process.env.SHOTS}/${name}.png` }))
    const student = () => page.getByRole('rowheader', { name: /^Alan Turing/ }).getByRole('button')
    await student().click()
    await page.getByRole('button', { name: 'Give a new password' }).click()
    await page.getByText('K7QM-3XRT-9FGH').waitFor()
    await shot('student')
    await page.getByRole('button', { name: 'Remove the account…' }).click()
    await page.getByText('This cannot be undone').waitFor()
    await shot('remove')
    await page.getByRole('button', { name: 'Keep it' }).click()
    await page.getByLabel('Name').fill('Alan M. Turing')
    await page.getByRole('button', { name: 'Rename' }).click()
    await page.getByText('Alan Turing is called Alan M. Turing now').waitFor()
    await shot('class')
    await page.getByRole('button', { name: 'Ines' }).click()
    await page.getByLabel('Present password').fill('wrong')
    await page.getByLabel('New password').fill('a few words in a row')
    await page.getByRole('button', { name: 'Change it' }).click()
    await page.getByText('That is not your present password.').waitFor()
    await shot('password')
    await page.getByLabel('Present password').fill('right')
    await page.getByRole('button', { name: 'Change it' }).click()
    await page.getByText('Your password is changed').waitFor()
    await page.goto(origin + '/classes')
    await page.getByRole('button', { name: 'Make a link' }).click()
    await page.getByLabel('The link for another instructor').waitFor()
    await shot('classes')
  },

  async 'the grid is walked with arrows and opens a student'(page) {
    await steer('reset', { mode: 'serve', user: { id: 'u_3', name: 'Ines', role: 'Instructor' } })
    await page.goto(origin + '/classes/c_1')
    await page.getByRole('link', { name: /^Alan Turing, Connect/ }).focus()
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: /Create the deployment/ }).waitFor()
    await page.getByRole('button', { name: 'Watch the terminal' }).click()
    await page.locator('.xterm-rows').getByText(prompt).first().waitFor()
  },
  ...question,
  ...focus,
  ...repairs,
  ...running,
  ...room,
  ...reading,
}

const wanted = process.argv.slice(2)
const stop = await startMock()
const browser = await launch()
let failed = 0
for (const [name, test] of Object.entries(tests)) {
  if (wanted.length > 0 && !wanted.some((part) => name.includes(part))) continue
  const { context, page, errors } = await newPage(browser, { theme: 'light' })
  page.setDefaultTimeout(10_000)
  try {
    await test(page)
    assert.deepEqual(errors, [])
    process.stdout.write(`ok   ${name}\n`)
  } catch (error) {
    failed++
    await page.screenshot({ path: `.shots/failed-${failed}.png` }).catch(() => undefined)
    process.stdout.write(`FAIL ${name}\n     ${String(error).split('\n').slice(0, 12).join('\n     ')}\n     ${errors.join('\n     ')}\n`)
  }
  await steer('down', { down: false })
  await context.close()
}
await browser.close()
stop()
process.exitCode = failed > 0 ? 1 : 0
