// What the intake costs and what its masks find. `npm run bench:intake` (`--quick`: 2 and 20 MB instead of 8 and 200;
// `--misses`: also what the tuned half of the masks missed).
// 1. Plain text through the whole pipeline, MB/s of one core: wall clock, and CPU time for when the machine is busy.
// 2. A 200 MB JSONL file: peak memory of the process (all of it: Node, tokeniser, heap, buffers) and of what was there before.
// 3. Recall and precision of the masks by kind, on bench/pii.
// Before anything is printed the output is checked: every document's text is there, masked, and its tokens are the tokeniser's.
import { spawnSync } from 'node:child_process'
import { openAsBlob, readFileSync, statSync } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { english } from 'viem/accounts'
import { nodePdfHost } from '../src/datanet/formats/pdf-on-node.testing.ts'
import { Intake } from '../src/datanet/intake.ts'
import { piiFinder } from '../src/datanet/pii/find.ts'
import { OpenChatError } from '../src/errors.ts'
import { readGguf } from '../src/gpu/formats/gguf.ts'
import { createTokenizer, type Tokenizer } from '../src/gpu/model/tokenizer.ts'
import { foldCase } from '../src/workers/fold-case.ts'
import { blobSource } from '../src/workers/sources.ts'
import { measurePii } from './intake-pii.ts'
import { diskSpill } from './intake-spill.ts'
import { readSpeeches } from './speeches.ts'

const STATE = fileURLToPath(new URL('../.open-chat/', import.meta.url))
const MODEL = join(STATE, 'models/b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53.gguf')
/** The collector of Node is lazy unless its heap has an end. */
const HEAP_MB = 192
const signal = new AbortController().signal

export async function main(args: string[]): Promise<number> {
  const file = args[args.indexOf('--memory') + 1]
  if (args.includes('--memory') && file !== undefined) return measureMemory(file)
  const quick = args.includes('--quick')
  const folder = await mkdtemp(join(tmpdir(), 'intake-'))
  try {
    const tokenizer = await openTokenizer()
    const speeches = readSpeeches()
    const { model, speed } = cpus()[0]
    console.log(`intake on ${model} (${speed} MHz, 1 of ${cpus().length} cores), Node ${process.version}`)
    await measureSpeed(tokenizer, speeches, folder, (quick ? 2 : 8) * 1e6)
    await measureLarge(speeches, folder, (quick ? 20 : 200) * 1e6)
    measurePii(piiFinder(english), args.includes('--misses'))
    return 0
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function openTokenizer(): Promise<Tokenizer> {
  try {
    return createTokenizer(await readGguf(blobSource(await openAsBlob(MODEL))))
  } catch (cause) {
    throw new OpenChatError('model_unavailable', `The tokeniser of the default model is not at ${MODEL}.`, {
      cause,
      action: 'Run npm start once.',
    })
  }
}

async function openIntake(tokenizer: Tokenizer, folder: string): Promise<Intake> {
  return new Intake({
    encode: (text) => tokenizer.encode(text),
    words: (tokens) => tokenizer.decode(Array.from(tokens)),
    fold: foldCase(tokenizer),
    find: piiFinder(english),
    spill: diskSpill(join(folder, 'spill')),
    pdfHost: () => nodePdfHost,
  })
}

/** Runs a file through, then through `batches`, and checks what comes out. @returns seconds of wall clock and of CPU */
async function run(
  intake: Intake,
  path: string,
): Promise<{ documents: number; tokens: number; pii: number; wall: number; cpu: number; peak: number }> {
  const blob = await openAsBlob(path)
  const cpu = process.cpuUsage()
  const from = performance.now()
  let peak = 0
  for await (const report of intake.examine({ files: [{ name: path, blob }] }, {}, signal)) {
    if (report.type === 'refused') throw new OpenChatError('bench_wrong', `The file was refused: ${report.error.shortMessage}`)
    peak = Math.max(peak, process.memoryUsage().rss)
  }
  const wall = (performance.now() - from) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const { documents, tokens, piiFound } = intake.totals()
  return { documents, tokens, pii: piiFound, wall, cpu: (user + system) / 1e6, peak }
}

async function measureSpeed(tokenizer: Tokenizer, speeches: readonly string[], folder: string, bytes: number): Promise<void> {
  const path = join(folder, 'speeches.txt')
  await write(path, bytes, speeches, (text) => `${text}\n\n`)
  await run(await openIntake(tokenizer, folder), await part(path, folder, 400_000)) // warm-up
  const intake = await openIntake(tokenizer, folder)
  const result = await run(intake, path)
  await check(intake, tokenizer, result.tokens)
  const megabytes = statSync(path).size / 1e6
  console.log(
    `plain text, ${megabytes.toFixed(1)} MB, ${result.documents} documents, ${result.tokens} tokens: ` +
      `${(megabytes / result.wall).toFixed(2)} MB/s by the clock, ${(megabytes / result.cpu).toFixed(2)} MB/s of CPU time (bar 0.5)`,
  )
  console.log(`masked in it, all of them speeches of presidents: ${result.pii} places (${(result.pii / megabytes).toFixed(2)} a MB)`)
}

/** Writes the large file, then runs it in a process of its own, which holds nothing but the intake. */
async function measureLarge(speeches: readonly string[], folder: string, bytes: number): Promise<void> {
  const path = join(folder, 'rows.jsonl')
  const rows = speeches.flatMap((text) => text.match(/.{300,900}?\.\s/gs) ?? [])
  // A number and an address in each row: no two are the same text, and every row has something to mask.
  await write(path, bytes, rows, (text, i) => `${JSON.stringify({ id: i, text: `${i}: ${text} (row${i}@example.com)` })}\n`)
  const child = spawnSync(process.execPath, ['scripts/run.mjs', 'bench/intake.ts', '--memory', path], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` },
    stdio: 'inherit',
  })
  if (child.status !== 0) throw new OpenChatError('bench_wrong', `The large file ended with status ${child.status}.`)
}

async function measureMemory(path: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'intake-'))
  try {
    const intake = await openIntake(await openTokenizer(), folder)
    const before = process.memoryUsage().rss
    const { documents, tokens, pii, peak, wall, cpu } = await run(intake, path)
    const mb = (value: number) => (value / 1e6).toFixed(0)
    const size = statSync(path).size
    console.log(
      `JSONL, ${mb(size)} MB, ${documents} documents, ${tokens} tokens, ${pii} places masked: peak ${mb(peak)} MB resident, heap held to ` +
        `${HEAP_MB} MB (${mb(before)} MB before: Node, Vite, tokeniser; bar 400), ${(size / 1e6 / wall).toFixed(2)} MB/s by the clock, ${(size / 1e6 / cpu).toFixed(2)} of CPU time`,
    )
    return 0
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Writes texts over and over until the file is long enough. */
async function write(path: string, bytes: number, texts: readonly string[], form: (text: string, i: number) => string): Promise<void> {
  const file = await open(path, 'w')
  try {
    let written = 0
    for (let i = 0; written < bytes; i++) written += (await file.write(form(texts[i % texts.length], i))).bytesWritten
  } finally {
    await file.close()
  }
}

async function part(path: string, folder: string, bytes: number): Promise<string> {
  const to = join(folder, 'warm-up.txt')
  await write(to, 1, [readFileSync(path, 'utf8').slice(0, bytes)], (text) => text)
  return to
}

/** Tokens of the batches are the tokeniser's for the whole text of each document, and as many as were announced. */
async function check(intake: Intake, tokenizer: Tokenizer, announced: number): Promise<void> {
  let tokens = 0
  let checked = 0
  for await (const batch of intake.batches({ author: 'Bench', licence: 'CC0-1.0' }, 8 * 2 ** 20, signal)) {
    for (const document of batch.documents) {
      tokens += document.tokens.length
      if (checked > 1_000_000) continue
      checked += document.text.length
      const whole = tokenizer.encode(document.text)
      if (whole.length !== document.tokens.length || whole.some((token, i) => token !== document.tokens[i])) {
        throw new OpenChatError('bench_wrong', `The tokens of ${document.facts.title} are not those of its whole text.`)
      }
    }
  }
  if (tokens !== announced) throw new OpenChatError('bench_wrong', `${announced} tokens were announced and ${tokens} came.`)
}
