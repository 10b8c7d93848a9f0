// A reverse proxy between the browser and the mock.
import { createServer, request } from 'node:http'
import { origin } from './browser.js'

/**
 * A reverse proxy before the mock that passes no WebSocket until it is told to,
 * as one does that was set up for plain pages.
 */
export async function startProxy() {
  const target = new URL(origin)
  const send = (req) => request({ host: target.hostname, port: target.port, method: req.method, path: req.url, headers: req.headers, agent: false })
  // The headers Upgrade and Connection are between a browser and its proxy: they go no further.
  const plain = (req, res) => {
    delete req.headers.upgrade
    delete req.headers.connection
    const onward = send(req)
    onward.on('response', (answer) => {
      res.writeHead(answer.statusCode, answer.headers)
      answer.pipe(res)
    })
    onward.on('error', () => res.writeHead(502).end())
    req.pipe(onward)
  }
  const proxy = createServer(plain)
  const sockets = new Set()
  proxy.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise((listening) => proxy.listen(0, '127.0.0.1', listening))
  return {
    origin: `http://127.0.0.1:${proxy.address().port}`,
    passWebSockets() {
      proxy.on('upgrade', (req, socket, head) => {
        const onward = send(req)
        onward.on('upgrade', (answer, upstream, first) => {
          const lines = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\r\n`)
          socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`)
          socket.write(first)
          upstream.write(head)
          for (const [from, to] of [[socket, upstream], [upstream, socket]]) {
            from.pipe(to)
            from.on('error', () => to.destroy())
          }
        })
        onward.on('error', () => socket.destroy())
        onward.end()
      })
    },
    stop() {
      for (const socket of sockets) socket.destroy()
      proxy.close()
    },
  }
}
