import { type BrowserContext, expect, type Page } from '@playwright/test'
import { card, expectComplete, openLab, picture, readyTerminal, solutionOf, step, terminal, type } from './lab'
import { test, Wheelhouse } from './wheelhouse'

const password = 'correct horse battery'

test.describe('a class', () => {
  let wheelhouse: Wheelhouse

  test.beforeAll(async () => {
    wheelhouse = await Wheelhouse.start('serve', '--warm', '2', '--rest', '1m')
  })
  test.afterAll(async () => {
    await wheelhouse.remove()
  })

  async function join(context: BrowserContext, code: string, name: string): Promise<Page> {
    const page = await context.newPage()
    await page.goto(`${wheelhouse.url}/join`)
    await page.getByLabel('Class code').fill(code)
    await page.locator('input[name=username]').fill(name)
    await page.locator('input[type=password]').first().fill(password)
    if (name === 'Ada') await picture(page, 'join')
    await page.getByRole('button', { name: 'Join the class' }).click()
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
    return page
  }

  const uid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/

  test('two students work and their instructor sees it live', async ({ browser }) => {
    const solution = solutionOf('00-welcome', 'connect')
    const [first] = [...solution.keys()] as [string]
    const instructor = await (await browser.newContext()).newPage()

    const code = await test.step('the first instructor makes an account and a class', async () => {
      await instructor.goto(wheelhouse.link)
      await expect(instructor.locator('input[name=username]')).toBeVisible()
      await picture(instructor, 'bootstrap')
      await instructor.locator('input[name=username]').fill('Grace')
      await instructor.locator('input[type=password]').first().fill(password)
      await instructor.getByRole('button', { name: 'Take the wheel' }).click()
      await expect(instructor.getByRole('heading', { level: 1, name: 'Classes' })).toBeVisible()
      await picture(instructor, 'classes')
      await instructor.getByLabel('Title').fill('Monday class')
      await instructor.getByRole('button', { name: 'Make the class' }).click()
      await expect(instructor.getByRole('heading', { level: 1, name: 'Monday class' })).toBeVisible()
      await picture(instructor, 'class-empty')
      const text = await instructor.locator('main').innerText()
      return /[A-Z0-9]{4}-[A-Z0-9]{4}/.exec(text)?.[0] ?? ''
    })

    const ada = await join(await browser.newContext(), code, 'Ada')
    const alan = await join(await browser.newContext(), code, 'Alan')
    await expect(instructor.getByText('Ada')).toBeVisible()
    await expect(instructor.getByText('Alan')).toBeVisible()

    await test.step('both open the same lab and get clusters of their own', async () => {
      await Promise.all([openLab(ada, 'Connect to the lab'), openLab(alan, 'Connect to the lab')])
      const nodes = await Promise.all(
        [ada, alan].map(async (page) => {
          await type(page, ["clear; kubectl get nodes -o jsonpath='{.items[0].metadata.uid}{\"\\n\"}'"])
          const rows = page.getByRole('tabpanel').locator('.xterm-rows').first()
          await expect(rows).toContainText(uid)
          return uid.exec(await rows.innerText())?.[0]
        }),
      )
      expect(nodes[0]).not.toBe(nodes[1])
    })

    await test.step('a step of one student shows in the class', async () => {
      await type(ada, solution.get(first) ?? [])
      await expectComplete(ada, first)
      await expect(instructor.getByRole('region', { name: 'Students by labs' })).toContainText('Ada')
      await expect(instructor.getByRole('link', { name: /^Ada, Connect to the lab, open now\. 1 [^.]+: complete/ })).toBeVisible()
      await expect(instructor.getByRole('link', { name: /^Alan, Connect to the lab, open now\. 1 [^.]+: to do/ })).toBeVisible()
      await picture(instructor, 'class')
      await instructor.getByRole('link', { name: /^Ada, Connect to the lab/ }).click()
      await expect(instructor.getByRole('heading', { level: 1, name: 'Ada' })).toBeVisible()
      await picture(instructor, 'student')
    })

    await test.step('hints are counted, and cost what the class says', async () => {
      await instructor.goBack()
      await instructor.getByLabel('Hints cost').selectOption('1 point each')
      const second = [...solution.keys()][1] ?? ''
      // Unfolded already where it was in sight when the lab started.
      const heading = step(alan, second).locator('button[aria-expanded]')
      if ((await heading.getAttribute('aria-expanded')) === 'false') await heading.click()
      const more = step(alan, second).getByRole('button', { name: /^Show a hint 1 of \d+, costs 1 point$/ })
      await more.click()
      await expect(step(alan, second).getByRole('region', { name: /^Hint 1 for/ })).toBeVisible()
      await expect(instructor.getByRole('link', { name: /^Alan, Connect to the lab, .*, 1 hint taken$/ })).toBeVisible()
      await picture(alan, 'hint')
      await picture(instructor, 'class-hints')
      await alan.reload()
      await expect(step(alan, second).getByRole('region', { name: /^Hint 1 for/ }).or(step(alan, second).getByRole('button', { expanded: false }))).toBeVisible()
    })

    await test.step('what is one student’s is not another’s', async () => {
      const sessions = await ada.evaluate(async () => {
        const course = (await (await fetch('/api/course')).json()) as {
          modules: { labs: { session: { id: string } | null }[] }[]
        }
        return course.modules.flatMap((module) => module.labs).flatMap((lab) => (lab.session ? [lab.session.id] : []))
      })
      expect(sessions).toHaveLength(1)
      const status = await alan.evaluate(async (id) => (await fetch('/api/sessions/' + id)).status, sessions[0])
      expect(status).toBe(404)
    })

    await test.step('a log-out ends an open terminal', async () => {
      await alan.evaluate(async () => fetch('/api/logout', { method: 'POST' }))
      await expect(alan.getByRole('button', { name: 'Log in' }).or(alan.getByText(/log in again|logged out/i)).first()).toBeVisible()
      await picture(alan, 'logged-out')
    })
    await test.step('a new password lets a student in again', async () => {
      await instructor.getByRole('rowheader', { name: /^Alan/ }).getByRole('button').click()
      await instructor.getByRole('button', { name: 'Give a new password' }).click()
      const fresh = await instructor.getByRole('dialog').locator('code').innerText()
      await picture(instructor, 'new-password')
      await instructor.getByRole('button', { name: 'Close', exact: true }).click()
      await alan.goto(`${wheelhouse.url}/login`)
      await alan.locator('input[name=username]').fill('Alan')
      await alan.locator('input[type=password]').first().fill(fresh)
      await alan.getByRole('button', { name: 'Log in' }).click()
      await expect(alan.getByRole('button', { name: 'Log out' })).toBeVisible()
    })
    await readyTerminal(ada)

    await test.step('a cluster whose student is away rests, and goes on where it was', async () => {
      if (process.env.WHEELHOUSE_PROVIDER === 'kind') {
        process.stdout.write('SKIPPED: a cluster that rests, because kind cannot freeze one\n')
        return
      }
      await type(ada, ['clear; left="before the rest"; kubectl get --raw /readyz'])
      await expect(terminal(ada)).toContainText('ok')
      await ada.goto('about:blank')
      await expect(instructor.getByRole('link', { name: /^Ada, Connect to the lab, resting\./ })).toBeVisible({ timeout: 180_000 })
      await picture(instructor, 'class-resting')
      await ada.goto(wheelhouse.url)
      await card(ada, 'Connect to the lab').click()
      await readyTerminal(ada)
      await type(ada, ['clear; echo "$left, after it: $(kubectl get --raw /readyz)"'])
      await expect(terminal(ada)).toContainText('before the rest, after it: ok')
      await expectComplete(ada, first)
    })
  })
})
