import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A connection to a server, by way of a port of its own, that breaks once. */
export interface LosingProxy {
  readonly port: number
  close(): void
}

/**
 * Passes everything on until a client sends COMMIT: then cuts the connection, `before` that reaches the server, or `after`
 * the server has answered, of which the client hears nothing. Later connections are left alone.
 */
export async function losingProxy(serverPort: number, moment: 'before' | 'after'): Promise<LosingProxy> {
  let isSpent = false
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(serverPort, '127.0.0.1')
    const cut = (): void => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', cut).on('close', cut)
    }
    let isLosing = false
    client.on('data', (bytes) => {
      if (!isSpent && bytes.includes('COMMIT\0')) {
        isSpent = true
        isLosing = true
        if (moment === 'before') return cut()
      }
      upstream.write(bytes)
    })
    upstream.on('data', (bytes) => (isLosing ? cut() : client.write(bytes)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
