import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { pathToFileURL } from 'node:url'

/** What is asked of an editor's language server. */
export interface LanguageServer {
  open(file: string, text: string): void
  /** Replaces the whole text. */
  change(file: string, text: string): void
  /** Labels of the completions at a place. Lines and columns from 0. */
  complete(file: string, place: { readonly line: number; readonly character: number }): Promise<readonly string[]>
  close(): void
}

interface Message {
  readonly id?: number
  readonly method?: string
  readonly result?: unknown
}

/** Starts a server that speaks LSP on its standard streams. */
export async function startLanguageServer(command: string, args: readonly string[], folder: string): Promise<LanguageServer> {
  const server = spawn(command, args, { cwd: folder, stdio: 'pipe' })
  const waiting = new Map<number, (result: unknown) => void>()
  const send = (message: object): void => {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message })
    server.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  }
  read(server, (message) => {
    if (message.method !== undefined && message.id !== undefined) send({ id: message.id, result: null })
    else if (message.id !== undefined) waiting.get(message.id)?.(message.result)
  })
  let requests = 0
  const ask = (method: string, params: object): Promise<unknown> => {
    const id = ++requests
    const answer = new Promise<unknown>((resolve) => waiting.set(id, resolve))
    send({ id, method, params })
    return answer
  }
  const uri = (file: string): string => pathToFileURL(file).href
  let version = 0
  await ask('initialize', { processId: process.pid, rootUri: uri(folder), capabilities: {} })
  send({ method: 'initialized', params: {} })
  return {
    open: (file, text) =>
      send({
        method: 'textDocument/didOpen',
        params: { textDocument: { uri: uri(file), languageId: 'typescript', version: ++version, text } },
      }),
    change: (file, text) =>
      send({
        method: 'textDocument/didChange',
        params: { textDocument: { uri: uri(file), version: ++version }, contentChanges: [{ text }] },
      }),
    complete: async (file, position) => {
      const result = (await ask('textDocument/completion', { textDocument: { uri: uri(file) }, position })) as
        | { readonly items: readonly { readonly label: string }[] }
        | readonly { readonly label: string }[]
        | null
      const items = result === null ? [] : 'items' in result ? result.items : result
      return items.map(({ label }) => label)
    },
    close: () => void server.kill(),
  }
}

function read(server: ChildProcessWithoutNullStreams, heard: (message: Message) => void): void {
  let rest: Buffer = Buffer.alloc(0)
  server.stdout.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      const end = rest.indexOf('\r\n\r\n')
      const length = Number(/Content-Length: (\d+)/i.exec(rest.toString('latin1', 0, Math.max(end, 0)))?.[1] ?? Number.NaN)
      if (end < 0 || rest.length < end + 4 + length) return
      heard(JSON.parse(rest.toString('utf8', end + 4, end + 4 + length)) as Message)
      rest = rest.subarray(end + 4 + length)
    }
  })
}
