import { expect } from '@playwright/test'
import { card, expectComplete, openLab, picture, readyTerminal, solutionOf, step, terminal, type } from './lab'
import { test, Wheelhouse } from './wheelhouse'

test.describe('one learner', () => {
  let wheelhouse: Wheelhouse

  test.beforeAll(async () => {
    wheelhouse = await Wheelhouse.start('learn')
  })
  test.afterAll(async () => {
    await wheelhouse.remove()
  })

  test('does a lab from click to all steps ticked, through a reload, a second tab and a killed server', { tag: '@cluster' }, async ({ page, context }) => {
    const solution = solutionOf('00-welcome', 'connect')
    const [first, second, third] = [...solution.keys()] as [string, string, string]

    await page.goto(wheelhouse.link)
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
    expect(page.url()).not.toContain('link=')
    await picture(page, 'course')

    await test.step('open the lab and see the cluster come up', async () => {
      await card(page, 'Connect to the lab').click()
      await expect(page.getByRole('button', { name: 'Start the lab' })).toBeVisible()
      await picture(page, 'lab-start')
      await page.getByRole('button', { name: 'Start the lab' }).click()
      await expect(page.getByText('Your cluster is coming up')).toBeVisible()
      await expect(page.getByText('Starting the control plane')).toBeVisible()
      await picture(page, 'lab-boot')
      await readyTerminal(page)
    })

    await test.step('click a command and see it run', async () => {
      await page.getByRole('button', { name: /^Run in the terminal/ }).first().click()
      await expect(terminal(page)).toContainText('control-plane')
      await expect(step(page, first)).not.toContainText('Complete')
      await picture(page, 'lab-work')
    })

    await test.step('a step ticks by itself', async () => {
      await type(page, solution.get(first) ?? [])
      await expectComplete(page, first)
      await picture(page, 'lab')
    })

    await test.step('a reload loses nothing', async () => {
      await type(page, ['echo before-the-"reload"'])
      await expect(terminal(page)).toContainText('before-the-reload')
      await page.reload()
      await expect(terminal(page)).toContainText('before-the-reload')
      await expectComplete(page, first)
    })

    const clusters = await wheelhouse.command('cluster', 'list', '-o', 'json')

    await test.step('a second tab shows the same terminal', async () => {
      const other = await context.newPage()
      await other.goto(page.url())
      await expect(terminal(other)).toContainText('before-the-reload')
      await type(other, ['echo from-the-"second"-tab'])
      await expect(terminal(other)).toContainText('from-the-second-tab')
      await expect(terminal(page)).toContainText('from-the-second-tab')
      await other.close()
    })

    await test.step('a killed server comes back with the screen', async () => {
      await type(page, ['sleep 1 && echo while-it-was-"away" &'])
      await wheelhouse.kill()
      await expect(page.getByText(/connect/i).filter({ hasText: /again|lost|back/i }).first()).toBeVisible()
      await picture(page, 'lab-lost')
      await wheelhouse.restart()
      await expect(terminal(page)).toContainText('while-it-was-away', { timeout: 60_000 })
      await expect(terminal(page)).toContainText('from-the-second-tab')
      await type(page, solution.get(second) ?? [])
      await expectComplete(page, second)
      const after = JSON.parse(await wheelhouse.command('cluster', 'list', '-o', 'json')) as { name: string }[]
      const claimed = (JSON.parse(clusters) as { name: string }[]).map((cluster) => cluster.name)
      expect(after.some((cluster) => claimed.includes(cluster.name))).toBe(true)
    })

    await test.step('the lab is finished, and the course remembers it', async () => {
      await type(page, solution.get(third) ?? [])
      await expectComplete(page, third)
      await expect(page.getByRole('heading', { name: 'Lab finished' })).toBeVisible()
      await expect(page.getByRole('dialog')).toHaveCount(0)
      await picture(page, 'lab-finished')
      await page.goto(wheelhouse.url)
      await expect(card(page, 'Connect to the lab')).toContainText('Finished')
      await picture(page, 'course-finished')
    })
  })

  test('opens the intro app in the browser, on an origin of its own', async ({ page, context }) => {
    const solution = solutionOf('00-welcome', 'intro-app')
    await wheelhouse.kill()
    await wheelhouse.restart()
    await page.goto(wheelhouse.link)
    await openLab(page, 'The intro app')
    for (const [name, lines] of solution) {
      await type(page, lines)
      await expectComplete(page, name)
      const next = page.getByRole('button', { name: 'Next step' })
      if (await next.isVisible()) await next.click()
    }
    const opened = context.waitForEvent('page')
    await page.locator('a[data-app]').first().click()
    const app = await opened
    await app.waitForLoadState()
    expect(new URL(app.url()).origin).not.toBe(wheelhouse.url)
    await expect(app.locator('body')).toContainText(/version/i)
    expect(await app.evaluate(() => document.cookie)).toBe('')
    await picture(app, 'intro-app')
    await picture(page, 'lab-intro-app')
  })

  test('a flood of output neither freezes the tab nor delays Ctrl-C', async ({ page }) => {
    await wheelhouse.kill()
    await wheelhouse.restart()
    await page.goto(wheelhouse.link)
    await card(page, 'The intro app').click()
    await readyTerminal(page)
    await type(page, ['yes'])
    await expect(terminal(page)).toContainText('y')
    // The page still answers while the flood goes on.
    await page.getByRole('button', { name: 'Search in the terminal' }).click()
    await page.getByRole('button', { name: 'Search in the terminal' }).click()
    await page.getByRole('tabpanel').locator('textarea').first().focus()
    await page.keyboard.press('Control+c')
    await type(page, ['echo it-is-"quiet"-again'])
    await expect(terminal(page)).toContainText('it-is-quiet-again', { timeout: 5_000 })
  })

  test('what the student breaks of the way to the cluster is told, and mended by a button', async ({ page }) => {
    await wheelhouse.kill()
    await wheelhouse.restart()
    await page.goto(wheelhouse.link)
    await card(page, 'The intro app').click()
    await readyTerminal(page)
    const broken = page.getByRole('list', { name: 'What is broken' })
    const mend = broken.getByRole('button', { name: 'Mend it' })
    await type(page, ['clear; rm ~/.kube/config; echo "exit 3" >~/.bash_profile'])
    await expect(broken).toContainText('There is no kubeconfig', { timeout: 30_000 })
    for (const tab of ['Terminal 2', 'Terminal 3']) {
      await page.getByRole('button', { name: 'Open another terminal' }).click()
      await expect(page.getByRole('tab', { name: tab })).toBeVisible()
      await expect(page.getByRole('tabpanel')).toContainText('code 3')
    }
    await expect(broken).toContainText('New terminals end at once', { timeout: 30_000 })
    await picture(page, 'lab-broken')
    await mend.first().click()
    await expect(broken.getByRole('listitem')).toHaveCount(1)
    await mend.click()
    await expect(broken).toHaveCount(0)

    // A home folder that is closed lets terminals begin all the same.
    await page.getByRole('tab', { name: 'Terminal 1' }).click()
    await type(page, ['kubectl get nodes -o name; chmod 000 ~'])
    await expect(terminal(page)).toContainText('node/control-plane')
    await expect(broken).toContainText('Your home folder cannot be used', { timeout: 30_000 })
    await page.getByRole('button', { name: 'Open another terminal' }).click()
    await type(page, ['pwd; echo still-"here"'])
    await expect(terminal(page)).toContainText('still-here')
    await mend.click()
    await expect(broken).toHaveCount(0)
    await type(page, ['ls ~/.kube'])
    await expect(terminal(page)).toContainText('config')
    await picture(page, 'lab-mended')
  })
})
