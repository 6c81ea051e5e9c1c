// Did this model say this? An owner's receipt against a model file, through the engine that the page runs.
//   npm run -s replay -- --receipt FILE --model FILE [--adapter DIR]… [--json]
// Exit code 0: every token is one that the recorded settings draw here. 1: not so, or another model or adapter is named.
// 2: the receipt keeps no record. What else a receipt claims is not looked at: the page's Verify does that.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { contentHash } from '../src/attribution/receipt.ts'
import { parseReceiptFile } from '../src/attribution/receipt-file.ts'
import { judgeReplay, replayAsk } from '../src/attribution/verify-said.ts'
import { OpenChatError } from '../src/errors.ts'
import { replayOnEngine } from '../src/workers/replay-on-engine.ts'
import { readFlags } from './flags.ts'
import { fileDigest, openNodeEngine, readAdapterFolder } from './node-engine.ts'

export async function main(args: string[]): Promise<number> {
  const flags = readFlags(args, { values: ['receipt', 'model', 'adapter'], switches: ['json'] })
  const path = flags.required('receipt')
  const model = flags.required('model')
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new OpenChatError('file_missing', `There is no receipt file at ${path}.`, { meta: { path }, action: 'Check the path.', cause })
  })
  const receipt = parseReceiptFile(text)
  if (contentHash(receipt.content) !== receipt.header.content) {
    throw new OpenChatError('receipt_invalid', 'The signed header names another content than the file holds.', {
      action: 'Open the receipt file as it was saved.',
    })
  }
  const ask = replayAsk(receipt)
  if (ask === null) {
    process.stdout.write(flags.on('json') ? `${JSON.stringify({ status: 'unknown' })}\n` : `${judgeReplay(receipt, null).detail}\n`)
    return 2
  }
  const sha256 = await fileDigest(model)
  const contextTokens = ask.said.prompt.length + ask.said.drawn.length + 1
  const { engine, close } = await openNodeEngine(model, { contextTokens })
  try {
    const adapters = new Set<string>()
    for (const folder of flags.all('adapter')) {
      const files = await readAdapterFolder(folder)
      const digest = createHash('sha256').update(files.weights).digest('hex')
      await engine.addAdapter(digest, files)
      adapters.add(digest)
    }
    const found = await replayOnEngine(engine, { model: sha256, adapters }, ask)
    const { status, detail, expected, got } = judgeReplay(receipt, found)
    if (flags.on('json')) process.stdout.write(`${JSON.stringify({ status, detail, ...found })}\n`)
    else process.stdout.write([detail, ...(status === 'failed' ? [`expected: ${expected}`, `got: ${got}`] : [])].join('\n').concat('\n'))
    return status === 'ok' ? 0 : 1
  } finally {
    await close()
  }
}
