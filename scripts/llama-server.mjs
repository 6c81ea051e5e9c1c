// llama.cpp behind the OpenAI shape, for the spec of remote engines: /v1/models and streaming /v1/chat/completions, with CORS and
// a key. Plain Node over node-llama-cpp, which set-up lays outside node_modules (ensureLlamaServer): its optional CUDA parts
// are larger than everything else together. Not for people: they have their own servers.
//   node scripts/llama-server.mjs MODEL.gguf [--port N] [--key KEY] [--threads N]
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { llamaServerDir } from './setup.mjs'

const CONTEXT_TOKENS = 2048

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { port: { type: 'string', default: '0' }, key: { type: 'string', default: '' }, threads: { type: 'string', default: '2' } },
})
const [file] = positionals
if (file === undefined) throw new Error('Name a GGUF file.')

const entry = createRequire(join(llamaServerDir, 'package.json')).resolve('node-llama-cpp')
const { getLlama, LlamaChatSession, LlamaLogLevel } = await import(pathToFileURL(entry).href)
const threads = Number(values.threads)
const llama = await getLlama({ build: 'never', gpu: false, logLevel: LlamaLogLevel.error, maxThreads: threads })
const model = await llama.loadModel({ modelPath: file, useMmap: true })
const context = await model.createContext({ contextSize: CONTEXT_TOKENS, threads, sequences: 1 })
const id = basename(file).replace(/\.gguf$/, '')

/** One request at a time: there is one sequence. */
let turn = Promise.resolve()

async function complete({ messages, max_tokens, temperature, top_p, top_k, seed, stop }, signal, say) {
  const sequence = context.getSequence()
  try {
    const session = new LlamaChatSession({ contextSequence: sequence })
    const begun = messages.at(-1)?.role === 'assistant' ? messages.at(-1).content : ''
    const turns = begun === '' ? messages : messages.slice(0, -1)
    session.setChatHistory(
      turns
        .slice(0, -1)
        .map(({ role, content }) =>
          role === 'assistant' ? { type: 'model', response: [content] } : { type: role === 'system' ? 'system' : 'user', text: content },
        ),
    )
    const { stopReason, responseText } = await session.promptWithMeta(turns.at(-1).content, {
      maxTokens: max_tokens,
      temperature: temperature ?? 0,
      ...(top_p === undefined ? {} : { topP: top_p }),
      ...(top_k === undefined ? {} : { topK: top_k }),
      ...(seed === undefined ? {} : { seed }),
      ...(stop === undefined ? {} : { customStopTriggers: [stop].flat() }),
      ...(begun === '' ? {} : { responsePrefix: begun }),
      signal,
      stopOnAbortSignal: true,
      onTextChunk: say,
    })
    const usage = { prompt_tokens: sequence.tokenMeter.usedInputTokens, completion_tokens: sequence.tokenMeter.usedOutputTokens }
    return { finish: stopReason === 'maxTokens' ? 'length' : 'stop', usage, responseText }
  } finally {
    sequence.dispose()
  }
}

function fail(response, status, message) {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify({ error: { message } }))
}

async function chat(request, response) {
  let body = ''
  for await (const part of request) body += part
  const asked = JSON.parse(body)
  if (asked.model !== id) return fail(response, 404, `The model ${asked.model} does not exist.`)
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
  const send = (choices, more = {}) =>
    response.write(`data: ${JSON.stringify({ id: 'chat', object: 'chat.completion.chunk', created: 0, model: id, choices, ...more })}\n\n`)
  const mine = turn.then(() => complete(asked, gone.signal, (content) => send([{ index: 0, delta: { content }, finish_reason: null }])))
  turn = mine.catch(() => undefined)
  const { finish, usage } = await mine
  send([{ index: 0, delta: {}, finish_reason: finish }])
  send([], { usage })
  response.end('data: [DONE]\n\n')
}

const server = createServer((request, response) => {
  response.setHeader('Access-Control-Allow-Origin', '*')
  response.setHeader('Access-Control-Allow-Headers', 'authorization, content-type')
  if (request.method === 'OPTIONS') return response.writeHead(204).end()
  if (values.key !== '' && request.headers.authorization !== `Bearer ${values.key}`) return fail(response, 401, 'Wrong key.')
  if (request.url === '/v1/models') return response.end(JSON.stringify({ object: 'list', data: [{ id, object: 'model' }] }))
  if (request.url === '/v1/chat/completions') {
    return chat(request, response).catch((error) => (response.headersSent ? response.destroy() : fail(response, 500, String(error))))
  }
  return fail(response, 404, 'There is nothing here.')
})
server.listen(Number(values.port), '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${server.address().port}/v1\n`))
