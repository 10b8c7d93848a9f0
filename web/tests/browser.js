// What the shots and the accessibility check share: the mock, a browser, the pages.
import { spawn } from 'node:child_process'
import { chromium } from 'playwright-core'

export const origin = 'http://127.0.0.1:4100'

/** Starts the mock server; returns how to stop it. */
export async function startMock() {
  const child = spawn(process.execPath, ['mock/main.js'], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve)
    child.once('exit', () => reject(new Error('the mock did not start: is port 4100 taken?')))
  })
  return () => child.kill()
}

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-background-networking'],
  })
}

export async function steer(what, body = {}) {
  const response = await fetch(`${origin}/mock/${what}`, { method: 'POST', body: JSON.stringify(body) })
  return response.json()
}

const instructor = { mode: 'serve', user: { id: 'u_3', name: 'Ines', role: 'Instructor' } }

async function openLab(page, options = {}) {
  await steer('reset', { speed: 0, done: ['connect', 'intro-app'], ...options })
  await page.goto(origin + '/labs/deployments')
  await page.getByRole('button', { name: 'Start the lab' }).click()
}

async function readyLab(page) {
  await openLab(page)
  await steer('ready')
  await page.locator('.xterm-rows').getByText('student@workstation').first().waitFor()
}

async function type(page, text) {
  await page.locator('.xterm-helper-textarea').first().pressSequentially(text)
  await page.keyboard.press('Enter')
}

/** Every page and state that a person can meet, by name. */
export const scenes = {
  async course(page) {
    await steer('reset', {})
    await page.goto(origin + '/')
    await page.getByRole('heading', { name: 'Quick start' }).waitFor()
  },
  async 'course-new'(page) {
    await steer('reset', { done: [] })
    await page.goto(origin + '/')
    await page.getByRole('heading', { name: 'Quick start' }).waitFor()
  },
  async 'lab-start'(page) {
    await steer('reset', {})
    await page.goto(origin + '/labs/deployments')
    await page.getByRole('button', { name: 'Start the lab' }).waitFor()
  },
  async 'lab-boot'(page) {
    await openLab(page)
    await steer('progress', { seconds: 7.4 })
    await page.getByText('Starting the control plane').waitFor()
  },
  async 'lab-line'(page) {
    await openLab(page)
    await steer('progress', { seconds: 0, place: 4 })
    await page.getByText('number 4 in line').waitFor()
  },
  async 'lab-ready'(page) {
    await readyLab(page)
  },
  async 'lab-working'(page) {
    await readyLab(page)
    await steer('complete', { step: 'create' })
    await type(page, 'kubectl get pods')
    await type(page, 'kubectl get nodes')
    await steer('find', { step: 'self-heal', check: 'young', status: 'False', reason: 'Pending', message: 'The new pod is still starting.' })
    await steer('find', { step: 'expose', check: 'answers', status: 'False', reason: 'Wrong', message: 'The service answers on port 8080; it should on 80.' })
    await steer('find', { step: 'scale', check: 'five', status: 'Unknown', reason: 'ClusterUnreachable', message: 'The API server did not answer. It is asked again.' })
    await page.getByRole('button', { name: /See it in the browser/ }).click()
    await page.getByRole('button', { name: /Scale to five/ }).click()
    await page.getByRole('button', { name: 'Show a hint' }).first().click()
  },
  async 'lab-all-ticked'(page) {
    await readyLab(page)
    for (const step of ['create', 'self-heal', 'expose', 'scale']) await steer('complete', { step })
    await page.getByRole('heading', { name: 'Lab finished' }).waitFor({ state: 'attached' })
  },
  async 'lab-finished'(page) {
    await scenes['lab-all-ticked'](page)
    await page.getByRole('heading', { name: 'Lab finished' }).scrollIntoViewIfNeeded()
  },
  async 'lab-failed'(page) {
    await openLab(page)
    await steer('fail', { reason: 'NoEngine', message: 'No container engine answers on this machine. Start Docker, then start the lab again.' })
    await page.getByRole('heading', { name: 'could not be made ready' }).waitFor()
  },
  async 'course-lost'(page) {
    await scenes['lab-failed'](page)
    await page.goto(origin + '/')
    await page.getByText('Cluster lost').waitFor()
  },
  async 'lab-lost'(page) {
    await readyLab(page)
    await steer('down', { down: true })
    await page.getByText('Connection lost.').waitFor()
    await page.waitForTimeout(600)
  },
  async 'lab-end'(page) {
    await readyLab(page)
    await page.getByRole('button', { name: 'End lab' }).click()
    await page.getByRole('dialog').waitFor()
  },
  async 'lab-help'(page) {
    await readyLab(page)
    await page.getByRole('button', { name: 'Keyboard and help' }).click()
    await page.getByRole('dialog').waitFor()
  },
  async 'lab-search'(page) {
    await readyLab(page)
    await type(page, 'kubectl get pods')
    await page.keyboard.press('Control+Shift+F')
    await page.keyboard.type('web')
  },
  async 'lab-exited'(page) {
    await readyLab(page)
    await type(page, 'exit')
    await page.getByText('The shell has ended').waitFor()
  },
  async 'learn-login'(page) {
    await steer('reset', { user: null })
    await page.goto(origin + '/#link=used')
    await page.getByRole('heading', { name: 'Open the link' }).waitFor()
  },
  async login(page) {
    await steer('reset', { mode: 'serve', user: null })
    await page.goto(origin + '/login')
    await page.getByLabel('Name').fill('ada')
    await page.getByLabel('Password').fill('wrong')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('is wrong').waitFor()
  },
  async join(page) {
    await steer('reset', { mode: 'serve', user: null })
    await page.goto(origin + '/join/k7qm2xrt')
    await page.getByRole('button', { name: 'Join the class' }).waitFor()
  },
  async bootstrap(page) {
    await steer('reset', { mode: 'serve', user: null, bootstrap: true })
    await page.goto(origin + '/#link=first')
    await page.getByRole('button', { name: 'Take the wheel' }).waitFor()
  },
  async classes(page) {
    await steer('reset', instructor)
    await page.goto(origin + '/classes')
    await page.getByText('K7QM-2XRT').waitFor()
  },
  async 'classes-none'(page) {
    await steer('reset', instructor)
    await steer('empty')
    await page.goto(origin + '/classes')
    await page.getByText('No classes yet').waitFor()
  },
  async 'class-grid'(page) {
    await steer('reset', instructor)
    await page.goto(origin + '/classes/c_1')
    await page.getByText('Ada Lovelace').waitFor()
  },
  async 'class-empty'(page) {
    await steer('reset', instructor)
    await steer('empty')
    await page.goto(origin + '/classes/c_1')
    await page.getByText('No student is aboard yet').waitFor()
  },
  async student(page) {
    await steer('reset', instructor)
    await page.goto(origin + '/classes/c_1/sessions/s_class0003kubectl-run')
    await page.getByRole('heading', { name: /Create the deployment/ }).waitFor()
    await page.locator('summary').first().click()
  },
  async missing(page) {
    await steer('reset', {})
    await page.goto(origin + '/no/such/page')
    await page.getByRole('heading', { name: 'There is no page here' }).waitFor()
  },
  async 'lab-missing'(page) {
    await steer('reset', {})
    await page.goto(origin + '/labs/nothing')
    await page.getByRole('heading', { name: 'There is no such lab here' }).waitFor()
  },
  async unreachable(page) {
    await steer('reset', {})
    await steer('down', { down: true })
    await page.goto(origin + '/')
    await page.getByRole('heading', { name: 'does not answer' }).waitFor()
  },
}

/** A page in one theme. Errors on it count. */
export async function newPage(browser, { theme, width = 1280, height = 800 }) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme })
  const page = await context.newPage()
  const errors = []
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => {
    // Refused connections and statuses are part of some scenes.
    if (message.type() === 'error' && !/Failed to load resource|WebSocket connection/.test(message.text())) errors.push(message.text())
  })
  return { context, page, errors }
}
