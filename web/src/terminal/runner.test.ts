import { Terminal } from '@xterm/headless'
import { describe, expect, test } from 'vitest'
import { commandsOf, placeOf, Runner, type Looked } from './runner'

const on = '\x1b[?2004h'
const off = '\x1b[?2004l'
const prompt = 'student@workstation:~$ '

function terminalWith() {
  const terminal = new Terminal({ allowProposedApi: true, cols: 60, rows: 8 })
  const write = (text: string) => new Promise<void>((done) => terminal.write(text, done))
  return { terminal, write }
}

describe('placeOf', () => {
  test.each([
    ['at the prompt', on + prompt, 'prompt'],
    ['at the prompt after much output', 'line\r\n'.repeat(30) + on + prompt, 'prompt'],
    ['at root’s prompt', on + 'root@node:/# ', 'prompt'],
    ['behind something that is typed', on + prompt + 'kubectl get', 'typed'],
    ['before something that is typed', on + prompt + 'ls\b\b', 'typed'],
    ['behind a long line', on + prompt + 'x'.repeat(80), 'typed'],
    ['while a command runs', on + prompt + 'kubectl get pods --watch\r\n' + off + 'web   1/1   Running\r\n', 'busy'],
    ['in a question of a program', on + prompt + 'rm -i a\r\n' + off + 'rm: remove a? ', 'busy'],
    ['in a shell of a container', on + prompt + 'kubectl exec -it web -- sh\r\n' + off + '/ # ', 'other'],
    ['behind something that is typed there', off + '/ # ls', 'busy'],
    ['in an editor', on + prompt + 'vi a\r\n' + off + '\x1b[?1049h~\r\n~ $ ', 'busy'],
    ['in a command that is not whole', on + prompt + "echo '\r\n" + off + on + '> ', 'busy'],
    ['in the prompt of another program', off + '127.0.0.1:6379> ', 'busy'],
  ])('%s', async (_, output, want) => {
    const { terminal, write } = terminalWith()
    await write(output)
    expect(placeOf(terminal as unknown as Looked)).toBe(want)
  })
})

async function running(output: string) {
  const { terminal, write } = terminalWith()
  const typed: string[] = []
  const left: number[] = []
  const runner = new Runner(terminal as unknown as ConstructorParameters<typeof Runner>[0], (text) => typed.push(text), (n) => left.push(n))
  await write(output)
  return { runner, typed, left, write }
}

describe('Runner', () => {
  test('each command waits for the prompt after the one before', async () => {
    const { runner, typed, left, write } = await running(on + prompt)
    expect(runner.run(['one', 'two\nlines', 'three'])).toBe(true)
    expect(typed).toEqual(['one\r'])
    await write('one\r\n') // the echo, while the mode is still on
    expect(typed).toHaveLength(1)
    await write(off + 'output $ \r\n')
    expect(typed).toHaveLength(1)
    await write(on + prompt)
    expect(typed[1]).toBe('\x1b[200~two\rlines\x1b[201~\r')
    await write('two\r\nlines\r\n' + off + 'output\r\n' + on + prompt) // all in one piece
    expect(typed[2]).toBe('three\r')
    await write('three\r\n' + off + on + prompt)
    expect(typed).toHaveLength(3)
    expect(left).toEqual([2, 1, 0])
  })

  test('a program that has the terminal gets nothing, and is stopped on request', async () => {
    const { runner, typed, write } = await running(on + prompt + 'watch\r\n' + off)
    expect(runner.run(['one', 'two'])).toBe(false)
    expect(typed).toEqual([])
    runner.stopAndRun(['one', 'two'])
    expect(typed).toEqual(['\x03'])
    await write('^C\r\n')
    expect(typed).toHaveLength(1)
    await write(on + prompt)
    expect(typed).toEqual(['\x03', 'one\r'])
    await write('one\r\n' + off + on + prompt)
    expect(typed.at(-1)).toBe('two\r')
  })

  test('a prompt may look like anything', async () => {
    const { runner, typed, write } = await running(on + 'λ ')
    runner.run(['one', 'two'])
    await write('one\r\n' + off + on + 'λ ')
    expect(typed).toEqual(['\x05\x15one\r', 'two\r'])
  })

  test('a command that is not whole is given up on request', async () => {
    const { runner, typed, write } = await running(on + prompt + "echo '\r\n" + off + on + '> ')
    expect(runner.run(['one'])).toBe(false)
    runner.stopAndRun(['one'])
    await write('^C')
    expect(typed).toEqual(['\x03'])
    await write(off + '\r\n' + on + prompt)
    expect(typed).toEqual(['\x03', 'one\r'])
  })

  test('what is half typed is set aside', async () => {
    const { runner, typed } = await running(on + prompt + 'kubectl ge')
    expect(runner.run(['ls'])).toBe(true)
    expect(typed).toEqual(['\x05\x15ls\r'])
  })

  test('a shell in a container gets all lines at once', async () => {
    const { runner, typed } = await running(off + '/ # ')
    expect(runner.run(['ls', 'pwd'])).toBe(true)
    expect(typed).toEqual(['ls\rpwd\r'])
  })

  test('what is still to come is left out on request, and nothing else is run meanwhile', async () => {
    const { runner, typed, left, write } = await running(on + prompt)
    runner.run(['sleep 9', 'two'])
    await write('sleep 9\r\n' + off)
    expect(runner.run(['three'])).toBe(false)
    runner.cancel()
    await write(on + prompt)
    expect(typed).toEqual(['sleep 9\r'])
    expect(left).toEqual([1, 0])
    expect(runner.run(['three'])).toBe(true)
  })
})

test.each([
  ['a', '', ['a']],
  ['a\nb', '', ['a\nb']],
  ['a\nb\nc', '1 2', ['a', 'b\nc']],
  ['a\nb\nc', '1 1', ['a', 'b', 'c']],
  ['a\n\nb', '2 1', ['a\n', 'b']],
])('commandsOf(%j, %j)', (text, sizes, want) => {
  expect(commandsOf(text, sizes)).toEqual(want)
})
