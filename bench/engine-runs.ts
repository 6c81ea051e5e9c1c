// The runs of bench/engine.ts: one row, an adapter of each rank, many rows under many adapters, and the third turn of a
// conversation. Times come from the events of completions, the page's own path; variants take turns within a run, so that a
// busy machine slows all of them alike.
// Invariant: what was timed is checked, or nothing is said: rows side by side say what one says alone, an adapter changes the
// answer, a later turn's cache holds what was said before.
import { OpenChatError } from '../src/errors.ts'
import type { CompletionEvent, Engine } from '../src/gpu/types.ts'
import { adapterWeights, randomTokens, type Shape, shapeAdapter } from './shapes.ts'
import { type Traffic, type TrafficWatch, trafficBetween } from './traffic.ts'

export interface Sample {
  label: string
  unit: string
  values: number[]
}

export interface Settings {
  runs: number
  promptTokens: number
  tokens: number
  rows: number
  ranks: number[]
}

export interface Measured {
  samples: Sample[]
  /** One greedy token of one row without an adapter, and under an adapter of each rank. */
  traffic: Traffic
  adapted: { rank: number; traffic: Traffic; adapterBytes: number; weights: number }[]
  /** Tokens that each turn of a conversation brought, those that were prefilled, and pipelines made in the last one. */
  turns: { fresh: number[]; prefilled: number[]; newPipelines: number }
}

interface Answer {
  ids: number[]
  /** When each token came, ms. */
  times: number[]
  prefillMs: number
  firstTokenMs: number
  prefilled: number
}

/** Prompt of the runs that only decode: what is read of the cache is then next to nothing. */
const shortPrompt = 8

export class EngineRuns {
  #engine: Engine
  #shape: Shape
  #settings: Settings
  #samples = new Map<string, Sample>()
  #watch: TrafficWatch
  #say: (line: string) => void

  /** @param watch made before the engine @param say what is under way, for a run that nobody watches */
  constructor(engine: Engine, shape: Shape, settings: Settings, watch: TrafficWatch, say: (line: string) => void) {
    this.#engine = engine
    this.#shape = shape
    this.#settings = settings
    this.#watch = watch
    this.#say = say
  }

  /** @throws bench_invalid */
  async measure(): Promise<Measured> {
    this.#say('one row')
    await this.#alone()
    const turns = await this.#turns()
    const traffic = await this.#traffic(null)
    const adapted: Measured['adapted'] = []
    for (const rank of this.#settings.ranks) {
      this.#say(`an adapter of rank ${rank}`)
      adapted.push(await this.#oneAdapter(rank))
    }
    this.#say(`${this.#settings.rows} rows`)
    await this.#manyAdapters()
    return { samples: [...this.#samples.values()], traffic, adapted, turns }
  }

  #add(run: number, label: string, unit: string, ...values: number[]): void {
    // Run 0 warms up: shaders are compiled on first use.
    if (run === 0) return
    const sample = this.#samples.get(label) ?? { label, unit, values: [] }
    sample.values.push(...values)
    this.#samples.set(label, sample)
  }

  #prompt(seed: number, length: number): number[] {
    return randomTokens(this.#engine.vocab, length, seed)
  }

  async #alone(): Promise<void> {
    const { runs, promptTokens, tokens } = this.#settings
    for (let run = 0; run <= runs; run++) {
      const answer = await this.#complete(this.#prompt(run, promptTokens), tokens)
      this.#add(run, 'prefill', 'tokens/s', (1000 * promptTokens) / answer.prefillMs)
      this.#add(run, 'first token', 'ms', answer.firstTokenMs)
      this.#add(run, 'decode', 'tokens/s', ...gaps(answer).map((ms) => 1000 / ms))
    }
  }

  async #turns(): Promise<Measured['turns']> {
    const { promptTokens, tokens } = this.#settings
    let said: number[] = []
    const turns: Measured['turns'] = { fresh: [], prefilled: [], newPipelines: 0 }
    for (let turn = 0; turn < 3; turn++) {
      const pipelines = this.#engine.stats().pipelines
      const words = this.#prompt(900 + turn, Math.ceil(promptTokens / 2))
      const answer = await this.#complete([...said, ...words], tokens)
      // The last token of an answer was never fed: it is new to the cache.
      turns.fresh.push(words.length + (turn === 0 ? 0 : 1))
      turns.prefilled.push(answer.prefilled)
      turns.newPipelines = this.#engine.stats().pipelines - pipelines
      said = [...said, ...words, ...answer.ids]
    }
    return turns
  }

  /** What one greedy token costs: the difference of two answers to one prompt, the longer by four. */
  async #traffic(adapter: string | null): Promise<Traffic> {
    const prompt = this.#prompt(700, shortPrompt)
    await this.#complete(prompt, 3, adapter)
    const short = await this.#watch.during(() => this.#complete(prompt, 3, adapter))
    const long = await this.#watch.during(() => this.#complete(prompt, 7, adapter))
    return trafficBetween(short, long, 4)
  }

  async #oneAdapter(rank: number): Promise<Measured['adapted'][number]> {
    const { runs, tokens } = this.#settings
    const name = `rank ${rank}`
    const before = this.#watch.adapterBytes
    await this.#engine.addAdapter(name, shapeAdapter(this.#shape, rank, rank))
    const adapterBytes = this.#watch.adapterBytes - before
    for (let run = 0; run <= runs; run++) {
      const prompt = this.#prompt(100 + run, shortPrompt)
      const plain = await this.#complete(prompt, tokens)
      const adapted = await this.#complete(prompt, tokens, name)
      if (plain.ids.join() === adapted.ids.join()) throw invalid(`The adapter of rank ${rank} changed nothing.`)
      this.#add(run, `decode beside rank ${rank}`, 'tokens/s', ...gaps(plain).map((ms) => 1000 / ms))
      this.#add(run, `decode, rank ${rank}`, 'tokens/s', ...gaps(adapted).map((ms) => 1000 / ms))
      this.#add(run, `overhead of rank ${rank}`, '%', 100 * (middle(gaps(adapted)) / middle(gaps(plain)) - 1))
    }
    const traffic = await this.#traffic(name)
    this.#engine.removeAdapter(name)
    return { rank, traffic, adapterBytes, weights: adapterWeights(this.#shape, rank) }
  }

  async #manyAdapters(): Promise<void> {
    const { runs, tokens, rows } = this.#settings
    const names = Array.from({ length: rows }, (_, i) => `adapter ${i}`)
    for (const [i, name] of names.entries()) await this.#engine.addAdapter(name, shapeAdapter(this.#shape, 16, 1000 + i))
    const nobody = names.map(() => null)
    for (let run = 0; run <= runs; run++) {
      const prompt = this.#prompt(200 + run, shortPrompt)
      const one = await this.#complete(prompt, tokens)
      const plain = await this.#together(prompt, nobody)
      const adapted = await this.#together(prompt, names)
      const agreeing = plain.answers.filter(({ ids }) => ids.join() === one.ids.join()).length
      if (agreeing * 2 < rows) throw invalid(`Only ${agreeing} of ${rows} rows side by side say what one says alone.`)
      if (new Set(adapted.answers.map(({ ids }) => ids.join())).size < rows / 2) throw invalid('Different adapters say the same.')
      const alone = 1000 / middle(gaps(one))
      this.#add(run, 'decode beside many rows', 'tokens/s', alone)
      this.#add(run, `decode, ${rows} rows`, 'tokens/s', plain.rate)
      this.#add(run, `decode, ${rows} rows under ${rows} adapters of rank 16`, 'tokens/s', adapted.rate)
      this.#add(run, `${rows} adapters against ${rows} base rows`, '% slower', 100 * (plain.rate / adapted.rate - 1))
      this.#add(run, `${rows} base rows against one`, '× tokens/s', plain.rate / alone)
    }
    for (const name of names) this.#engine.removeAdapter(name)
  }

  /** Answers side by side. @returns tokens/s of all, while all of them ran */
  async #together(prompt: number[], adapters: readonly (string | null)[]): Promise<{ answers: Answer[]; rate: number }> {
    const answers = await Promise.all(adapters.map((adapter) => this.#complete(prompt, this.#settings.tokens, adapter)))
    const from = Math.max(...answers.map(({ times }) => times[1]))
    const to = Math.min(...answers.map(({ times }) => times.at(-1)!))
    const within = answers.reduce((sum, { times }) => sum + times.filter((time) => time > from && time <= to).length, 0)
    if (!(to > from) || within === 0) throw invalid('Rows that should have run side by side ran one after another.')
    return { answers, rate: (1000 * within) / (to - from) }
  }

  async #complete(prompt: number[], maxTokens: number, adapter: string | null = null): Promise<Answer> {
    const times: number[] = []
    let prefilled: number | null = null
    let end: Extract<CompletionEvent, { type: 'end' }> | undefined
    for await (const event of this.#engine.complete({ tokens: prompt, maxTokens, temperature: 0, adapter })) {
      if (event.type === 'token') times.push(performance.now())
      else if (event.type === 'prefill') prefilled ??= event.total - event.done
      else end = event
    }
    if (end === undefined || end.tokens.length < 2) throw invalid('A timed answer ended at once.')
    const { tokens, prefillMs, firstTokenMs } = end
    return { ids: tokens, times: times.slice(0, tokens.length), prefillMs, firstTokenMs, prefilled: prefilled ?? prompt.length }
  }
}

const gaps = ({ times }: Answer) => times.slice(1).map((time, i) => time - times[i])

const middle = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

function invalid(sentence: string): OpenChatError {
  return new OpenChatError('bench_invalid', sentence, { action: 'Run the parity tests first: what was timed is wrong.' })
}
