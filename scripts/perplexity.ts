// The perplexity of a text under a model: exp of the mean of −ln p(token | earlier tokens of its window), one number on stdout.
//   npm run -s perplexity -- --model FILE --text FILE [--context 512] [--adapter DIR] [--half]
// The whole file is read as UTF-8, under the file's own BOS rule. Windows of `context` tokens follow one another without overlap;
// each starts from an empty cache at position 0, and its first token is not scored. With --half keys and values are f16, and 32 rows
// at a time go through prefill's block of halves, chosen or not: slow on a processor that plays a GPU.
import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { OpenChatError } from '../src/errors.ts'
import { readGguf } from '../src/gpu/formats/gguf.ts'
import { halfVariant } from '../src/gpu/kernels/projection.ts'
import { createTokenizer } from '../src/gpu/model/tokenizer.ts'
import { type Flags, readFlags } from './flags.ts'
import { type OpenedEngine, openNodeEngine, readAdapterFolder } from './node-engine.ts'

export async function main(args: string[]): Promise<void> {
  const flags = readFlags(args, { values: ['model', 'text', 'context', 'adapter'], switches: ['half'] })
  const window = flags.integer('context', 512, 2)
  const path = flags.required('text')
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new OpenChatError('file_missing', `There is no text at ${path}.`, { meta: { path }, action: 'Check the path.', cause })
  })
  const half = { precision: 'f16', prefillVariant: halfVariant } as const
  const opened = await openNodeEngine(flags.required('model'), flags.on('half') ? half : {})
  try {
    process.stdout.write(`${(await perplexity(flags, opened, text, window)).toFixed(6)}\n`)
  } finally {
    await opened.close()
  }
}

async function perplexity(flags: Flags, { engine, source }: OpenedEngine, text: string, window: number): Promise<number> {
  const tokens = createTokenizer(await readGguf(source)).encodePrompt(text)
  if (tokens.length < 2) throw new OpenChatError('text_too_short', `The text has ${tokens.length} tokens; two are needed to score one.`)
  const folder = flags.text('adapter')
  if (folder !== undefined) await engine.addAdapter('active', await readAdapterFolder(folder))
  const adapter = folder === undefined ? null : 'active'
  let sum = 0
  let scored = 0
  for (let from = 0; from < tokens.length; from += window) {
    const part = tokens.slice(from, from + window)
    if (part.length < 2) break
    for (const nats of await engine.score(part, { adapter })) sum += nats
    scored += part.length - 1
    if (process.stderr.isTTY) process.stderr.write(`\r${scored} tokens scored`)
  }
  if (process.stderr.isTTY) process.stderr.write('\n')
  return Math.exp(sum / scored)
}
