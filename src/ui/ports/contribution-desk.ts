// Contributing as the page sees it: the intake's batches become plans, each plan one contribution, each carried from its commit
// to the index here. Not what is in a batch (the intake's) and not the transactions (wallet/contribute.ts).
// Invariant: every batch is written down before the first is sent, so a page that goes away loses none of them.
import type { ContributionProgress, DatanetService, IntakeBatch } from '../services.ts'
import type { DatanetDeskPorts } from './datanet-desk.ts'

type Stages = Pick<DatanetService, 'contribute' | 'unfinished' | 'resume' | 'discard'>

export function contributionDesk({ tracer, wallet, maybe, ensure }: DatanetDeskPorts): Stages {
  async function* resume(keys: string[], signal: AbortSignal): AsyncGenerator<ContributionProgress> {
    const { contributor } = await wallet()
    const begun = (await contributor.unfinished()).filter(({ key }) => keys.includes(key))
    const sum = (of: 'documents' | 'tokens') => begun.reduce((total, plan) => total + plan[of], 0)
    const done: { contribution: number; queued: boolean }[] = []
    let last: { commitment: `0x${string}`; transaction: `0x${string}` | null } | null = null
    for (const [i, { key }] of begun.entries()) {
      const part = { part: i + 1, parts: begun.length }
      for await (const event of contributor.resume(key, signal)) {
        if (event.stage === 'finished') {
          done.push(event)
          last = event
        } else yield { stage: event.stage === 'publish' ? 'da' : event.stage, state: event.state, ...part }
      }
    }
    if (begun.length === 0 || last === null) return
    const datanet = String(begun[0]!.datanet)
    const queued = done.some((held) => held.queued)
    const whole = { part: begun.length, parts: begun.length }
    if (!queued) {
      yield { stage: 'index', state: 'running', ...whole }
      await ensure(datanet, signal)
      yield { stage: 'index', state: 'done', ...whole }
    }
    const known = (await (await tracer()).datanets()).find(({ id }) => id === datanet)
    yield {
      stage: 'finished',
      datanet,
      contributions: done.map(({ contribution }) => contribution),
      queued,
      documents: sum('documents'),
      tokens: sum('tokens'),
      commitment: (queued ? undefined : known?.commitment) ?? last.commitment,
      transaction: last.transaction,
    }
  }

  async function planned(datanet: string, licence: string, { documents }: IntakeBatch): Promise<string> {
    const { contributor } = await wallet()
    const texts = documents.map(({ facts, text, tokens }) => ({ facts, text, tokens }))
    return contributor.plan({ datanet: BigInt(datanet), licence, documents: texts })
  }

  return {
    resume,
    async *contribute(datanet, licence, batches, signal) {
      const keys: string[] = []
      yield { stage: 'prepare', state: 'running', part: 1, parts: 1 }
      for await (const batch of batches) {
        signal.throwIfAborted()
        keys.push(await planned(datanet, licence, batch))
      }
      yield { stage: 'prepare', state: 'done', part: 1, parts: 1 }
      yield* resume(keys, signal)
    },
    async unfinished(id) {
      const plans = (await (await maybe())?.contributor.unfinished()) ?? []
      return plans.filter(({ datanet }) => String(datanet) === id).map((plan) => ({ ...plan, datanet: id }))
    },
    async discard(keys) {
      const { contributor } = await wallet()
      for (const key of keys) await contributor.discard(key)
    },
  }
}
