import { randomBytes } from 'node:crypto'

const prompt = '\x1b[1;32mstudent@workstation\x1b[0m:\x1b[1;34m~\x1b[0m$ '
// Bash pastes in brackets while it reads a line, and not while a command runs.
const reading = '\x1b[?2004h'
const running = '\x1b[?2004l'
const ringSize = 1 << 20

/** A pretence of a shell: enough to type at, with the terminal protocol of the real one. */
export class Shell {
  constructor(/** @type {(line: string) => void} */ onCommand) {
    this.onCommand = onCommand
    /** @type {Map<import('ws').WebSocket, {cols: number, rows: number, told: boolean}>} in the order of who was active last */
    this.viewers = new Map()
    /** @type {Map<string, number>} bytes of input, by who typed them */
    this.taken = new Map()
    this.cols = 80
    this.rows = 24
    this.epoch = ''
    this.ring = Buffer.alloc(0)
    this.offset = 0 // of the ring's first byte
    this.line = ''
    this.exited = false
    /** @type {NodeJS.Timeout | null} */
    this.flood = null
    this.start()
  }

  start() {
    this.epoch = randomBytes(8).toString('hex')
    this.taken.clear()
    this.ring = Buffer.alloc(0)
    this.offset = 0
    this.line = ''
    this.exited = false
    this.flood = null
    this.print(reading + prompt)
  }

  get end() {
    return this.offset + this.ring.length
  }

  attach(/** @type {import('ws').WebSocket} */ socket, /** @type {URLSearchParams} */ query) {
    if (this.exited) this.start()
    const viewer = { cols: Number(query.get('cols')), rows: Number(query.get('rows')), told: false }
    this.activate(socket, viewer)
    const same = query.get('epoch') === this.epoch
    const wanted = same ? Number(query.get('offset') ?? 0) : 0
    const from = Math.min(Math.max(wanted, this.offset), this.end)
    this.resize(Number(query.get('cols')) || this.cols, Number(query.get('rows')) || this.rows)
    const source = query.get('source') ?? ''
    this.control(socket, {
      type: 'attached',
      source,
      typed: this.taken.get(source) ?? 0,
      terminal: '1',
      epoch: this.epoch,
      offset: from,
      until: this.end,
      lost: from - wanted,
      cols: this.cols,
      rows: this.rows,
    })
    viewer.told = true
    const rest = this.ring.subarray(from - this.offset)
    for (let at = 0; at < rest.length; at += 32768) socket.send(rest.subarray(at, at + 32768))
    socket.on('message', (data, binary) => {
      if (binary) {
        this.activate(socket, viewer)
        this.taken.set(source, (this.taken.get(source) ?? 0) + /** @type {Buffer} */ (data).length)
        return this.input(/** @type {Buffer} */ (data).toString('utf8'))
      }
      const message = JSON.parse(String(data))
      if (message.type !== 'resize') return
      viewer.cols = message.cols
      viewer.rows = message.rows
      this.resize(message.cols, message.rows)
    })
    socket.on('close', () => {
      this.viewers.delete(socket)
      const [, last] = [...this.viewers].at(-1) ?? []
      if (last?.cols) this.resize(last.cols, last.rows)
    })
  }

  /** Makes a viewer the one whose screen answers queries. */
  activate(/** @type {import('ws').WebSocket} */ socket, /** @type {{cols: number, rows: number, told: boolean}} */ viewer) {
    if ([...this.viewers.keys()].at(-1) === socket) return
    this.viewers.delete(socket)
    this.viewers.set(socket, viewer)
    this.tell()
  }

  tell() {
    const answering = [...this.viewers.keys()].at(-1)
    for (const [socket, { told }] of this.viewers) {
      if (told) this.control(socket, { type: 'size', offset: this.end, cols: this.cols, rows: this.rows, muted: socket !== answering, exitCode: 0 })
    }
  }

  resize(/** @type {number} */ cols, /** @type {number} */ rows) {
    this.cols = cols
    this.rows = rows
    this.tell()
  }

  control(/** @type {import('ws').WebSocket} */ socket, /** @type {object} */ message) {
    socket.send(JSON.stringify(message))
  }

  print(/** @type {string} */ text) {
    const bytes = Buffer.from(text.replace(/\r?\n/g, '\r\n'))
    this.ring = Buffer.concat([this.ring, bytes])
    if (this.ring.length > ringSize) {
      this.offset += this.ring.length - ringSize
      this.ring = this.ring.subarray(this.ring.length - ringSize)
    }
    for (const viewer of this.viewers.keys()) viewer.send(bytes)
  }

  input(/** @type {string} */ text) {
    // What the emulator answers to queries is shown, so that a test can count it.
    // eslint-disable-next-line no-control-regex
    if (/^\x1b(\[[?>]?[\d;]*[cR]|\])/.test(text)) return this.print('<answer>')
    // eslint-disable-next-line no-control-regex
    for (const char of text.replace(/\x1b\[20[01]~/g, '')) {
      if (char === '\x03') {
        this.print('^C\n' + (this.flood ? '' : running) + reading + prompt)
        if (this.flood) clearInterval(this.flood)
        this.flood = null
        this.line = ''
      } else if (this.flood) continue
      else if (char === '\r') this.enter()
      else if (char === '\x15') {
        this.print('\b \b'.repeat(this.line.length))
        this.line = ''
      }
      else if (char === '\x7f') {
        if (this.line === '') continue
        this.line = this.line.slice(0, -1)
        this.print('\b \b')
      } else if (char >= ' ') {
        this.line += char
        this.print(char)
      }
    }
  }

  enter() {
    const line = this.line.trim()
    this.line = ''
    this.print('\n' + running)
    if (line === 'exit') {
      this.print('logout\n')
      this.exited = true
      for (const viewer of this.viewers.keys()) {
        this.control(viewer, { type: 'exit', offset: 0, exitCode: 0 })
        viewer.close(1000)
      }
      return
    }
    if (line === 'yes') {
      this.flood = setInterval(() => this.print('y\n'.repeat(2000)), 5)
      return
    }
    if (line.endsWith('--watch')) {
      this.flood = setInterval(() => this.print('web-6d4cf56db6-4xk2p   1/1     Running\n'), 100)
      return
    }
    if (line) this.print(answer(line))
    this.onCommand(line)
    this.print(reading + prompt)
  }
}

function answer(/** @type {string} */ line) {
  if (line.startsWith('kubectl get nodes')) {
    return 'NAME                    STATUS   ROLES           AGE   VERSION\nwh-q7m2-control-plane   Ready    control-plane   92s   v1.36.3\n'
  }
  if (line.startsWith('kubectl get pods')) {
    return (
      'NAME                   READY   STATUS              RESTARTS   AGE\n' +
      'web-6d4cf56db6-4xk2p   1/1     \x1b[32mRunning\x1b[0m             0          41s\n' +
      'web-6d4cf56db6-9qv7c   1/1     \x1b[32mRunning\x1b[0m             0          41s\n' +
      'web-6d4cf56db6-kk8zt   0/1     \x1b[33mContainerCreating\x1b[0m   0          2s\n'
    )
  }
  if (line.startsWith('kubectl create deployment')) return 'deployment.apps/web created\n'
  if (line.startsWith('kubectl scale')) return 'deployment.apps/web scaled\n'
  if (line.startsWith('kubectl delete')) return 'pod "web-6d4cf56db6-4xk2p" deleted from default namespace\n'
  if (line === 'colours') return Array.from({ length: 16 }, (_, i) => `\x1b[38;5;${i}mcolour ${i}\x1b[0m `).join('') + '\n'
  if (line === 'ask') return '\x1b[c\x1b[6n\x1b]11;?\x07asked\n'
  return `bash: ${line.split(' ')[0]}: command not found\n`
}
