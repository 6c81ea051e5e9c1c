// One completion on the command line, through the engine that the page runs.
//   npm run -s complete -- --model FILE (--prompt TEXT | --tokens 1,2,3) --max-tokens N --temperature 0
//     [--raw] [--adapter DIR]… [--logits OUT] [--json] [--top-k K] [--top-p P] [--min-p P] [--seed S]
//     [--repetition-penalty R] [--presence-penalty P] [--frequency-penalty F] [--stop TEXT]… [--context N]
// stdout is the completion alone, or with --json one object. Several adapters act together: their deltas add up.
import { writeFile } from 'node:fs/promises'
import process from 'node:process'
import { ensemble } from '../src/gpu/formats/ensemble.ts'
import { readGguf } from '../src/gpu/formats/gguf.ts'
import { createChatTemplate } from '../src/gpu/model/chat-template.ts'
import { modelConfig } from '../src/gpu/model/config.ts'
import type { SamplerSettings } from '../src/gpu/model/sampler.ts'
import { createTokenizer } from '../src/gpu/model/tokenizer.ts'
import type { AdapterFiles, CompletionEvent, CompletionRequest } from '../src/gpu/types.ts'
import { type Flags, readFlags, usage } from './flags.ts'
import { fileDigest, type OpenedEngine, openNodeEngine, readAdapterFolder } from './node-engine.ts'

const spec = {
  values: [
    'model',
    'prompt',
    'tokens',
    'max-tokens',
    'temperature',
    'adapter',
    'logits',
    'top-k',
    'top-p',
    'min-p',
    'repetition-penalty',
    'presence-penalty',
    'frequency-penalty',
    'seed',
    'stop',
    'context',
  ],
  switches: ['raw', 'json'],
}

export async function main(args: string[]): Promise<void> {
  const flags = readFlags(args, spec)
  const model = flags.required('model')
  if ((flags.text('prompt') === undefined) === (flags.text('tokens') === undefined))
    throw usage('Give exactly one of --prompt and --tokens.')
  const maxTokens = flags.integer('max-tokens', 256, 0)
  const context = flags.text('context') === undefined ? {} : { contextTokens: flags.integer('context', 0, 1) }
  const adapters = await Promise.all(flags.all('adapter').map(readAdapterFolder))
  const base = adapters.some(({ config }) => config.includes('base_sha256')) ? { sha256: await fileDigest(model) } : {}
  const opened = await openNodeEngine(model, { ...context, ...base })
  try {
    await run(flags, opened, await activate(adapters, opened, base.sha256), maxTokens)
  } finally {
    await opened.close()
  }
}

async function run(flags: Flags, opened: OpenedEngine, adapter: string | null, maxTokens: number): Promise<void> {
  const tokens = await promptTokens(flags, opened)
  const out = flags.text('logits')
  const begin = performance.now()
  // The prompt is prefilled once: the completion takes over the keys and values of this session, found by their content.
  if (out !== undefined) await writeFile(out, await promptLogits(opened, tokens, adapter))
  const earlierMs = performance.now() - begin
  const events = opened.engine.complete({ tokens, adapter, maxTokens, ...samplerSettings(flags) })
  await print(events, flags.on('json'), earlierMs)
}

async function promptTokens(flags: Flags, { source, engine }: OpenedEngine): Promise<number[]> {
  const listed = flags.text('tokens')
  if (listed !== undefined) {
    const tokens = listed.split(',').map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : Number.NaN))
    const strange = tokens.findIndex((id) => !(id < engine.vocab))
    if (strange >= 0) throw usage(`--tokens holds ${listed.split(',')[strange].slice(0, 20)}, which is no id below ${engine.vocab}.`)
    return tokens
  }
  const text = flags.required('prompt')
  const gguf = await readGguf(source)
  const tokenizer = createTokenizer(gguf)
  if (flags.on('raw')) return tokenizer.encodePrompt(text)
  return createChatTemplate(gguf, tokenizer).encode([{ role: 'user', content: text }])
}

async function activate(adapters: AdapterFiles[], { source, engine }: OpenedEngine, baseSha256?: string): Promise<string | null> {
  if (adapters.length === 0) return null
  const files = adapters.length === 1 ? adapters[0] : ensemble(adapters, modelConfig(await readGguf(source)), baseSha256)
  await engine.addAdapter('active', files)
  return 'active'
}

/** Logits of the last prompt position, little-endian f32 whatever the machine's own order. */
async function promptLogits({ engine }: OpenedEngine, tokens: number[], adapter: string | null): Promise<Uint8Array> {
  const session = engine.session(adapter)
  const logits = await session.prefill(tokens, { onProgress: progress })
  session.dispose()
  const view = new DataView(new ArrayBuffer(4 * logits.length))
  logits.forEach((logit, id) => {
    view.setFloat32(4 * id, logit, true)
  })
  return new Uint8Array(view.buffer)
}

function samplerSettings(flags: Flags): SamplerSettings & Pick<CompletionRequest, 'stop'> {
  return {
    temperature: flags.number('temperature', 0, 0),
    ...(flags.text('top-k') === undefined ? {} : { topK: flags.integer('top-k', 0, 0) }),
    ...(flags.text('top-p') === undefined ? {} : { topP: flags.number('top-p', 1, 0, 1) }),
    ...(flags.text('min-p') === undefined ? {} : { minP: flags.number('min-p', 0, 0, 1) }),
    ...(flags.text('repetition-penalty') === undefined ? {} : { repetitionPenalty: flags.number('repetition-penalty', 1, 0.01) }),
    ...(flags.text('presence-penalty') === undefined ? {} : { presencePenalty: flags.number('presence-penalty', 0, -2, 2) }),
    ...(flags.text('frequency-penalty') === undefined ? {} : { frequencyPenalty: flags.number('frequency-penalty', 0, -2, 2) }),
    ...(flags.text('seed') === undefined ? {} : { seed: flags.integer('seed', 0, 0, 2 ** 32 - 1) }),
    ...(flags.all('stop').length === 0 ? {} : { stop: flags.all('stop') }),
  }
}

/** On a terminal alone: a log would fill with it. */
function progress(done: number, total: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\rreading the prompt: ${done} of ${total} tokens${done === total ? '\n' : ''}`)
}

/** @param earlierMs spent on the prompt before the completion began */
async function print(events: AsyncIterable<CompletionEvent>, json: boolean, earlierMs: number): Promise<void> {
  let written = ''
  for await (const event of events) {
    if (event.type === 'prefill') progress(event.done, event.total)
    else if (event.type === 'token') {
      written += event.text
      if (!json) process.stdout.write(event.text)
    } else if (json) {
      const { text, tokens, reason, promptTokens, prefillMs, firstTokenMs, decodeMs, dispatches } = event
      const timings = { prefillMs: prefillMs + earlierMs, firstTokenMs: firstTokenMs + earlierMs, decodeMs }
      process.stdout.write(`${JSON.stringify({ text, tokens, reason, promptTokens, timings, dispatches })}\n`)
    } else if (event.text.startsWith(written)) {
      // What was held back: an unfinished character, or the beginning of a stop string that did not come.
      process.stdout.write(event.text.slice(written.length))
    }
  }
}
