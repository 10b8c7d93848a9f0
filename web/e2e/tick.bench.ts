import { Agent, request } from 'node:https'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Page, test } from '@playwright/test'
import { openLab } from './lab'
import { Wheelhouse } from './wheelhouse'

const run = promisify(execFile)
const samples = 100

/**
 * From a changed object to the page: a ConfigMap that a check judges is patched,
 * and the clock stops when the check's words about the new value stand in the
 * document. It starts before the request is sent, so the API server's own time
 * is in the figure.
 */
test('changed object to tick in the browser', async ({ page }) => {
  const wheelhouse = await Wheelhouse.start('learn', '--warm', '0')
  try {
    await page.goto(wheelhouse.link)
    await openLab(page, 'Connect to the lab')
    const [cluster] = JSON.parse(await wheelhouse.command('cluster', 'list', '-o', 'json')) as { name: string }[]
    const api = await connect(await wheelhouse.command('cluster', 'kubeconfig', cluster?.name ?? ''))
    await api('POST', '/api/v1/namespaces/default/configmaps', { metadata: { name: 'notes' }, data: { version: 'start' } })
    await page.getByRole('region', { name: 'Instructions' }).getByText('says version start').waitFor()

    const took: number[] = []
    for (let i = 0; i < samples; i++) {
      const seen = appearance(page, `says version bench-${i},`)
      const started = Date.now()
      await api('PATCH', '/api/v1/namespaces/default/configmaps/notes', { data: { version: `bench-${i}` } })
      took.push((await seen) - started)
    }
    took.sort((a, b) => a - b)
    const at = (p: number) => took[Math.min(took.length - 1, Math.floor(p * took.length))]
    process.stdout.write(`BenchmarkChangeToTick ${samples} ${at(0.5)} p50-ms ${at(0.99)} p99-ms\n`)
  } finally {
    await wheelhouse.remove()
  }
})

/** When words stand in the document, in milliseconds since 1970. */
async function appearance(page: Page, words: string): Promise<number> {
  return page.evaluate(
    async (words) =>
      new Promise<number>((done) => {
        const look = () => {
          const instructions = document.querySelector('[aria-label="Instructions"]')
          if (!instructions?.textContent.includes(words)) return
          observer.disconnect()
          done(Date.now())
        }
        const observer = new MutationObserver(look)
        observer.observe(document.body, { subtree: true, childList: true, characterData: true })
        look()
      }),
    words,
  )
}

type Call = (method: string, path: string, body: unknown) => Promise<void>

/** Reads a kubeconfig by way of kubectl and returns a client on one connection. */
async function connect(kubeconfig: string): Promise<Call> {
  const folder = await mkdtemp(join(tmpdir(), 'wheelhouse-bench-'))
  const file = join(folder, 'kubeconfig')
  await writeFile(file, kubeconfig)
  const { stdout } = await run('kubectl', ['--kubeconfig', file, 'config', 'view', '--raw', '--output', 'json'])
  await rm(folder, { recursive: true })
  const config = JSON.parse(stdout) as {
    clusters: { cluster: { server: string; 'certificate-authority-data': string } }[]
    users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[]
  }
  const decode = (text: string | undefined) => Buffer.from(text ?? '', 'base64')
  const cluster = config.clusters[0]?.cluster
  const user = config.users[0]?.user
  const agent = new Agent({
    keepAlive: true,
    ca: decode(cluster?.['certificate-authority-data']),
    cert: decode(user?.['client-certificate-data']),
    key: decode(user?.['client-key-data']),
  })
  return async (method, path, body) =>
    new Promise<void>((done, fail) => {
      const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
      const sent = request(new URL(path, cluster?.server), { method, agent, headers: { 'Content-Type': type } }, (response) => {
        response.resume()
        response.on('end', () => {
          if ((response.statusCode ?? 0) < 300) done()
          else fail(new Error(`${method} ${path}: status ${response.statusCode}`))
        })
      })
      sent.on('error', fail)
      sent.end(JSON.stringify(body))
    })
}
