import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { test as base } from '@playwright/test'

const run = promisify(execFile)
const binary = resolve(import.meta.dirname, '../../bin/wheelhouse')

/** How long the slowest start may take: the first one builds the workstation's image. */
const startTimeout = 120_000

/** All that were started, for the log of a test that fails. */
let started: Wheelhouse[] = []

/** A test that prints, when it fails, what each Wheelhouse said that it used. */
export const test = base.extend<{ log: undefined }>({
  log: [
    async ({}, use, info) => {
      started = started.filter((wheelhouse) => !wheelhouse.gone)
      await use(undefined)
      if (info.status === info.expectedStatus) return
      for (const wheelhouse of started) process.stdout.write(`What Wheelhouse said in "${info.title}":\n${wheelhouse.output()}\n`)
    },
    { auto: true },
  ],
})

/**
 * Wheelhouse is the real binary with a data folder of its own. It can be killed
 * and started again on the same port, as a machine's trouble would.
 */
export class Wheelhouse {
  /** The address, scheme to port, once started. */
  url = ''
  /** The last link that logs in, or that makes the first instructor. */
  link = ''
  /** Its data are deleted. */
  gone = false
  private process: ChildProcess | undefined
  private log = ''

  private constructor(
    private readonly mode: 'learn' | 'serve',
    private readonly data: string,
    private readonly flags: string[],
  ) {}

  static async start(mode: 'learn' | 'serve', ...flags: string[]): Promise<Wheelhouse> {
    const data = await mkdtemp(join(tmpdir(), 'wheelhouse-e2e-'))
    const wheelhouse = new Wheelhouse(mode, data, flags)
    started.push(wheelhouse)
    await wheelhouse.spawn('127.0.0.1:0')
    return wheelhouse
  }

  /** Ends the process at once, as a power cut would, and waits for it to be gone. */
  async kill(): Promise<void> {
    await this.end('SIGKILL')
  }

  /** Starts the process again on the port that it had. */
  async restart(): Promise<void> {
    await this.spawn(new URL(this.url).host)
  }

  /** Stops the process, deletes its clusters and its data. */
  async remove(): Promise<void> {
    await this.end('SIGTERM')
    await this.command('cluster', 'delete', '--all', '--yes')
    await rm(this.data, { recursive: true, force: true })
    this.gone = true
  }

  /** Stops a process that could make no cluster, and deletes its data. */
  async stop(): Promise<void> {
    await this.end('SIGTERM')
    await rm(this.data, { recursive: true, force: true })
    this.gone = true
  }

  /** Runs another subcommand on the same data folder and returns what it prints. */
  async command(...args: string[]): Promise<string> {
    const running = run(binary, [...args, '--data', this.data])
    running.child.stdin?.end() // no question is answered
    return (await running).stdout
  }

  /** Runs another subcommand that the server which runs is not asked about. */
  async commandBehind(...args: string[]): Promise<string> {
    const socket = join(this.data, 'control.sock')
    await rename(socket, socket + '.away')
    try {
      return await this.command(...args)
    } finally {
      await rename(socket + '.away', socket)
    }
  }

  /** What the server has logged and printed so far, for a failed test. */
  output(): string {
    return this.log
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = new Promise((done) => child.once('exit', done))
    child.kill(signal)
    await exited
  }

  private async spawn(listen: string): Promise<void> {
    const args = [this.mode, '--listen', listen, '--data', this.data, ...this.flags]
    if (this.mode === 'learn') args.push('--open=false')
    const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.process = child
    await new Promise<void>((ready, fail) => {
      const late = setTimeout(() => {
        fail(new Error(`wheelhouse printed no address in ${startTimeout} ms:\n${this.log}`))
      }, startTimeout)
      let printed = ''
      child.stdout.on('data', (chunk: Buffer) => {
        this.log += chunk.toString()
        printed += chunk.toString()
        const address = /(http:\/\/[\w.[\]:]+?)(?:\/#\S+)?\s/.exec(printed)
        if (address === null || !printed.includes('Ctrl-C')) return
        this.url = address[1] ?? ''
        this.link = /http:\/\/\S+#\S+/.exec(printed)?.[0] ?? ''
        clearTimeout(late)
        ready()
      })
      child.stderr.on('data', (chunk: Buffer) => (this.log += chunk.toString()))
      child.once('exit', (code, signal) => {
        this.log += `(wheelhouse ended: ${code ?? signal})\n`
        clearTimeout(late)
        fail(new Error(`wheelhouse ended (${code ?? signal}):\n${this.log}`))
      })
    })
  }
}
