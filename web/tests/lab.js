// What the behaviour tests share: a lab with a terminal, and where things are on the screen.
import { origin, steer } from './browser.js'

export const rows = (page) => page.locator('[role=tabpanel]:not(.away) .xterm-rows')
export const prompt = 'student@workstation'

export async function until(what, check, millis = 8000) {
  const deadline = Date.now() + millis
  for (;;) {
    const got = await check()
    if (got) return got
    if (Date.now() > deadline) throw new Error(`never: ${what}`)
    await new Promise((done) => setTimeout(done, 40))
  }
}

export const shows = (page, text, millis) => until(`“${text}” in the terminal`, async () => ((await rows(page).textContent()) ?? '').replaceAll('\u00a0', ' ').includes(text), millis)

export async function lab(page) {
  await steer('reset', { speed: 0 })
  await page.goto(origin + '/labs/deployments')
  await page.getByRole('button', { name: 'Start the lab' }).click()
  await page.getByText('Starting the machines').waitFor()
  await steer('ready')
  await shows(page, prompt)
}

export async function type(page, text) {
  await page.locator('[role=tabpanel]:not(.away) textarea').first().focus()
  await page.keyboard.type(text)
  await page.keyboard.press('Enter')
}

/** Where something is on the screen, in whole pixels. */
export async function placeOf(locator) {
  const box = await locator.boundingBox()
  return box && { x: Math.round(box.x), y: Math.round(box.y), width: Math.round(box.width) }
}

export const placesOf = (locators) => Promise.all(locators.map(placeOf))

/** The places, once they are the same in two frames: the terminal takes its size a moment after its part. */
export function settled(locators) {
  let last = ''
  return until('the page at rest', async () => {
    const places = await placesOf(locators)
    const same = JSON.stringify(places) === last
    last = JSON.stringify(places)
    return same && places
  })
}

export const inSight = (locator) => locator.evaluate((e) => e.getBoundingClientRect().top > 40 && e.getBoundingClientRect().bottom < innerHeight)

export const expanded = (page, step) => page.locator(`#step-${step} button[aria-expanded]`).getAttribute('aria-expanded')

/** Lets a step tick, and waits until the page has drawn it. */
export async function complete(page, step) {
  await steer('complete', { step })
  await page.locator(`#step-${step} .badge:not(.later)`).waitFor()
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
}
