// What a replay costs beside generating the same answer, both from a prompt that neither engine knows: the path of a paid answer
// (log probabilities are told) against the path of Verify. Wall clock and the process's own CPU seconds, which other programs on
// the machine stretch less. Not a judge: every answer has to be accepted, or nothing is said.
// Prompts begin with words of their own, and what an engine has in its cache all the same, the template's first tokens, is not
// counted as read. The same replay once more finds the whole prompt there, as Verify does in the page that said the answer.
// The floor: both read the prompt as fast, and the replay reads the answer as fast as a prompt. What a device reads of a prompt in
// the time of one step decides it; where that is arithmetic, as on a processor, no replay can be much cheaper than generating.
import { performance } from 'node:perf_hooks'
import process from 'node:process'
import { OpenChatError } from '../src/errors.ts'
import type { CompletionEvent, Engine } from '../src/gpu/types.ts'
import { withEngine } from './replay-models.ts'

interface Clocks {
  wallMs: number
  cpuMs: number
}

interface Run {
  promptTokens: number
  /** Of the prompt: by the speaker, and by the judge less the last one, which goes with the answer. */
  read: number
  judgeRead: number
  tokens: number
  said: Clocks
  prefill: Clocks
  replayed: Clocks
  again: Clocks
  bytesRead: number
}

type End = Extract<CompletionEvent, { type: 'end' }>

const clocks = (): Clocks => {
  const { user, system } = process.cpuUsage()
  return { wallMs: performance.now(), cpuMs: (user + system) / 1000 }
}
const since = (from: Clocks): Clocks => {
  const now = clocks()
  return { wallMs: now.wallMs - from.wallMs, cpuMs: now.cpuMs - from.cpuMs }
}

/** @param lengths tokens of an answer @throws bench_invalid when an answer is refused, or none is so long */
export async function costReport(path: string, runs: number, lengths: readonly number[]) {
  const rows: (Row & { length: number })[] = []
  let device = ''
  await withEngine(path, [], (speaker) =>
    withEngine(path, [], async (judge) => {
      device = judge.stats().adapterName
      for (const length of lengths) {
        const timed: Run[] = []
        // Run 0 warms up: shaders are compiled on first use, and prefill finds its chunk.
        for (let run = 0; run <= runs; run++) {
          let each: Run | null = null
          // An answer that ends before its length is no measure of it: another prompt, up to four.
          for (let attempt = 0; each === null && attempt < 4; attempt++) each = await once(speaker, judge, `${run}.${attempt}`, length)
          if (each === null) throw new OpenChatError('bench_invalid', `No answer was ${length} tokens long.`)
          if (run > 0) timed.push(each)
        }
        rows.push({ length, ...summary(timed) })
      }
    }),
  )
  const table = [`${device}; ${runs} runs after 1 to warm up, medians; CPU (wall)`, ...rows.map(line)].join('\n')
  return { device, runs, rows, table }
}

async function once(speaker: Engine, judge: Engine, run: string, length: number): Promise<Run | null> {
  const content = 'Tell a long story about a harbour town, its lighthouse and the people who keep both of them going.'
  const begin = clocks()
  let prefill: Clocks | null = null
  let end: End | undefined
  let known: number | null = null
  const role = `${run} of ${length}: you tell stories.`
  const messages = [
    { role: 'system' as const, content: role },
    { role: 'user' as const, content },
  ]
  const request = { messages, maxTokens: length, temperature: 0.8, seed: 40, logprobs: 0 }
  for await (const event of speaker.complete(request)) {
    if (event.type === 'prefill') known ??= event.done
    if (event.type === 'token') prefill ??= since(begin)
    if (event.type === 'end') end = event
  }
  const said = since(begin)
  if (end === undefined || prefill === null || known === null || end.tokens.length < length) return null
  const readBefore = judge.stats().bytesRead
  const from = clocks()
  const found = await judge.replay(end.said)
  const replayed = since(from)
  if (!found.said) throw new OpenChatError('bench_invalid', `Run ${run}: ${found.refused} of ${found.tokens} tokens were refused.`)
  const bytesRead = judge.stats().bytesRead - readBefore
  const onceMore = clocks()
  await judge.replay(end.said)
  const again = since(onceMore)
  const { promptTokens } = end
  const [read, judgeRead] = [promptTokens - known, found.fed - length]
  return { promptTokens, read, judgeRead, tokens: length, said, prefill, replayed, again, bytesRead }
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]

interface Row {
  promptTokens: number
  bytesAPosition: number
  /** Tokens/s by the process's CPU seconds of one core each, and by the clock. */
  prefill: Ratio
  decode: Ratio
  ratio: Ratio
  floor: Ratio
  /** The replay of an answer whose prompt the judge has in its cache, beside generating. */
  known: Ratio
  /** What an answer's position costs the replay, in positions of a prompt. */
  position: Ratio
}

interface Ratio {
  cpu: number
  wall: number
}

function summary(runs: readonly Run[]): Row {
  const both = (of: (run: Run, clock: keyof Clocks) => number): Ratio => ({
    cpu: median(runs.map((run) => of(run, 'cpuMs'))),
    wall: median(runs.map((run) => of(run, 'wallMs'))),
  })
  // The first token comes out of the prefill.
  const readMs = (run: Run, clock: keyof Clocks) => run.prefill[clock] / run.read
  return {
    promptTokens: median(runs.map((run) => run.promptTokens)),
    bytesAPosition: median(runs.map((run) => run.bytesRead / run.tokens)),
    prefill: both((run, clock) => 1000 / readMs(run, clock)),
    decode: both((run, clock) => (1000 * (run.tokens - 1)) / (run.said[clock] - run.prefill[clock])),
    ratio: both((run, clock) => run.replayed[clock] / run.said[clock]),
    floor: both((run, clock) => ((run.judgeRead + run.tokens) * readMs(run, clock)) / run.said[clock]),
    known: both((run, clock) => run.again[clock] / run.said[clock]),
    position: both((run, clock) => (run.replayed[clock] / readMs(run, clock) - run.judgeRead) / run.tokens),
  }
}

function line({ length, promptTokens, bytesAPosition, prefill, decode, ratio, floor, known, position }: Row & { length: number }): string {
  const pair = ({ cpu, wall }: Ratio, digits: number) => `${cpu.toFixed(digits)} (${wall.toFixed(digits)})`
  const parts = [
    `${length} tokens after ${promptTokens}: replay / generating ${pair(ratio, 2)}`,
    `floor ${pair(floor, 2)}`,
    `prompt known ${pair(known, 2)}`,
    `a position costs ${pair(position, 2)} of a prompt's`,
    `prompt ${pair(prefill, 1)} tokens/s`,
    `answer ${pair(decode, 1)} tokens/s`,
    `${bytesAPosition.toFixed(0)} bytes read a position`,
  ]
  return parts.join('; ')
}
