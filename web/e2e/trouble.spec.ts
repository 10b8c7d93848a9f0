import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect } from '@playwright/test'
import { card, openLab, picture, readyTerminal } from './lab'
import { test, Wheelhouse } from './wheelhouse'

const run = promisify(execFile)

test('a cluster that is deleted is told, behind the server\'s back or by its operator, and a new one helps', { tag: '@cluster' }, async ({ page }) => {
  const wheelhouse = await Wheelhouse.start('learn', '--warm', '0')
  try {
    await page.goto(wheelhouse.link)
    await openLab(page, 'Connect to the lab')
    const clusters = JSON.parse(await wheelhouse.command('cluster', 'list', '-o', 'json')) as { name: string; provider: string }[]
    for (const { name, provider } of clusters) {
      if (provider === 'kind') await run('docker', ['rm', '--force', '--volumes', `${name}-control-plane`, `${name}-workstation`])
      else await wheelhouse.commandBehind('cluster', 'delete', name, '--yes')
    }
    await expect(page.getByText('Your cluster is gone')).toBeVisible({ timeout: 120_000 })
    await picture(page, 'cluster-gone')
    await page.getByRole('button', { name: 'Start on a new cluster' }).click()
    await expect(page.getByText('Your cluster is coming up')).toBeVisible()
    await readyTerminal(page)

    const listed = await wheelhouse.command('cluster', 'list')
    expect(listed).toContain('connect')
    await expect(wheelhouse.command('cluster', 'delete', '--all')).rejects.toThrow(/nothing was deleted/)
    await wheelhouse.command('cluster', 'delete', '--all', '--yes')
    await expect(page.getByText('Whoever runs this server ended this lab').first()).toBeVisible()
    await picture(page, 'ended-by-operator')
  } finally {
    await wheelhouse.remove()
  }
})

test('without a container engine the page says what to do', async ({ page }) => {
  process.env.DOCKER_HOST = 'unix:///nonexistent/docker.sock'
  try {
    const wheelhouse = await Wheelhouse.start('learn', '--provider', 'kind')
    await page.goto(wheelhouse.link)
    await card(page, 'Connect to the lab').click()
    await page.getByRole('button', { name: 'Start the lab' }).click()
    await expect(page.getByText(/engine/i).first()).toBeVisible({ timeout: 120_000 })
    await picture(page, 'no-engine')
    await wheelhouse.stop()
  } finally {
    delete process.env.DOCKER_HOST
  }
})

test('a page that is not there says so', async ({ page }) => {
  const wheelhouse = await Wheelhouse.start('learn', '--warm', '0')
  try {
    await page.goto(wheelhouse.link)
    await page.goto(wheelhouse.url + '/nowhere')
    await expect(page.getByRole('link', { name: /all labs/i }).first()).toBeVisible()
    await picture(page, 'missing')
  } finally {
    await wheelhouse.remove()
  }
})
