import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, type Locator, type Page } from '@playwright/test'

const course = resolve(import.meta.dirname, '../../content/courses/kubernetes')

/** What is typed to complete each step of a lab: the lab's own solution. */
export function solutionOf(module: string, lab: string): Map<string, string[]> {
  const parts = new Map<string, string[]>()
  let lines: string[] = []
  for (const line of readFileSync(resolve(course, module, lab, 'solve.sh'), 'utf8').split('\n')) {
    const header = /^# step: (\S+)/.exec(line)
    if (header?.[1] !== undefined) {
      lines = []
      parts.set(header[1], lines)
    } else if (line !== '') {
      lines.push(line)
    }
  }
  return parts
}

/** Opens a lab from the course page and waits until its terminal can be typed into. */
export async function openLab(page: Page, title: string): Promise<void> {
  await card(page, title).click()
  await page.getByRole('button', { name: 'Start the lab' }).click()
  await readyTerminal(page)
}

/** A lab on the course page; the button that continues the course may name it too. */
export function card(page: Page, title: string): Locator {
  return page.locator('a.card').filter({ has: page.getByRole('heading', { name: title, exact: true }) })
}

/** Waits until there is a prompt. A cold cluster takes a while. */
export async function readyTerminal(page: Page): Promise<void> {
  await expect(terminal(page)).toContainText('student@workstation', { timeout: 180_000 })
}

/** The rows of the terminal that is shown. */
export function terminal(page: Page): Locator {
  return page.getByRole('tabpanel').locator('.xterm-rows').first()
}

/** Types lines into the terminal as a person would, key by key. */
export async function type(page: Page, lines: string[]): Promise<void> {
  await page.getByRole('tabpanel').locator('textarea').first().focus()
  for (const line of lines) {
    await page.keyboard.type(line)
    await page.keyboard.press('Enter')
  }
}

/** The card of a step. */
export function step(page: Page, name: string): Locator {
  return page.locator(`#step-${name}`)
}

export async function expectComplete(page: Page, name: string): Promise<void> {
  await expect(step(page, name)).toContainText('Complete', { timeout: 90_000 })
}

/** Keeps a picture of the page for people to look at. */
export async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: resolve(import.meta.dirname, '../test-results/pages', name + '.png'), animations: 'disabled' })
}
