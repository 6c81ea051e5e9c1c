// The engine as the page has it: the service that components watch and the port that answers go through, over whichever tab
// runs the engine (engine-tabs.ts). It adds what belongs to this tab alone: the card of the model, the name on each message,
// and the screen that stays awake while there is work.
import type { ReplayAsk, ReplayFindings } from '../../attribution/types.ts'
import type { Engine } from '../../chat/ports.ts'
import { webLlmModel } from '../../engines/web-llm-models.ts'
import { OpenChatError } from '../../errors.ts'
import type { RecordSpace } from '../../storage/records.ts'
import type { EngineChoice, EngineFacts, EngineService, EngineState, ModelCard, ModelsService } from '../services.ts'
import type { Catalogue } from './catalogue.ts'
import { choicesOf, cpuHindrance, fitting, localId } from './engine-choices.ts'
import type { Stock } from './engine-host.ts'
import { EngineTabs } from './engine-tabs.ts'
import { told } from './told.ts'
import { Wake } from './wake.ts'

export interface OpenedEngine {
  service: EngineService
  port: Engine
  /** Did the loaded model say this? @throws replay_unavailable, engine_not_ready … */
  replay(ask: ReplayAsk): Promise<ReplayFindings>
}

export interface EngineParts {
  catalogue: Catalogue
  models: Pick<ModelsService, 'subscribe' | 'wanted'>
  records: RecordSpace
  /** A way to guesses from datanets, for an engine that is opened in this tab. */
  drafts: () => MessagePort
  /** The engine of this tab is opened after it. */
  painted: Promise<void>
}

export function openEngine({ catalogue, models, records, drafts, painted }: EngineParts): OpenedEngine {
  const stock = told<Stock>({ models: [], adapters: [] })
  models.subscribe(({ models, adapters }) => stock.set({ models, adapters }))
  const tabs = new EngineTabs({
    async open() {
      await painted
      return (await import('./engine-open.ts')).openHost(stock, records, drafts())
    },
    first: firstFacts(stock.value),
    locks: globalThis.navigator.locks,
  })
  const wake = new Wake({ wakeLock: globalThis.navigator.wakeLock, document })
  for (const event of ['pageshow', 'online']) addEventListener(event, () => tabs.knock())
  document.addEventListener('resume', () => tabs.knock())
  stayAwake(tabs, wake)

  const choice = () => tabs.facts.value.choices.find(({ id }) => id === tabs.facts.value.chosen)
  const cards = new WeakMap<EngineFacts, ModelCard>()
  return {
    service: {
      get model() {
        const known = cards.get(tabs.facts.value) ?? cardOf(choice(), stock.value, catalogue)
        cards.set(tabs.facts.value, known)
        return known
      },
      subscribe: tabs.state.subscribe,
      watch: tabs.facts.subscribe,
      start: () => {
        const wanted = choice()
        const digest = wanted === undefined ? null : digestOf(wanted)
        if (digest !== null) void models.wanted(digest)
        void tabs.verb('start')
      },
      pause: () => void tabs.verb('pause'),
      choose: (id) => void tabs.verb('choose', id),
      count: (messages) => tabs.verb('count', messages, ''),
      memory: () => tabs.verb('memory'),
      endpointModels: (url, key) => tabs.verb('endpointModels', url, key),
      addEndpoint: (draft) => tabs.verb('addEndpoint', draft),
      removeEndpoint: (id) => tabs.verb('removeEndpoint', id),
    },
    port: {
      get voice() {
        return voiceOf(choice())
      },
      get contextTokens() {
        return tabs.facts.value.contextTokens
      },
      get count(): NonNullable<Engine['count']> | undefined {
        // The others cannot say; the chat then estimates, and says so.
        if (choice()?.engine !== 'local') return undefined
        return async (messages, begin = '') => {
          const counted = await tabs.verb('count', messages, begin)
          if (counted !== null) return counted
          throw new OpenChatError('engine_not_ready', 'No model is loaded yet.', { action: 'Wait until the model is ready.' })
        }
      },
      async *chat(request, signal) {
        const rest = wake.hold()
        try {
          yield* tabs.chat(request, signal)
        } finally {
          rest()
        }
      },
    } as Engine,
    async replay(ask) {
      const rest = wake.hold()
      return tabs.verb('replay', ask).finally(rest)
    },
  }
}

function stayAwake(tabs: EngineTabs, wake: Wake): void {
  let rest: (() => void) | null = null
  tabs.state.subscribe(({ state }: EngineState) => {
    const busy = state === 'downloading'
    if (busy) rest ??= wake.hold()
    else {
      rest?.()
      rest = null
    }
  })
}

function firstFacts({ models }: Stock): EngineFacts {
  const choices = choicesOf({ models, gpu: null, cpu: cpuHindrance(), webLlm: new Set(), endpoints: [] })
  const chosen = models[0] === undefined ? '' : localId(models[0].digest)
  return { choices, chosen, proposal: null, demotions: [], contextTokens: null, tab: 'follower' }
}

const digestOf = ({ id, engine }: EngineChoice): string | null =>
  engine === 'local' || engine === 'cpu' ? id.slice(id.indexOf(':') + 1) : null

function voiceOf(choice: EngineChoice | undefined): Engine['voice'] {
  if (choice === undefined) throw new OpenChatError('engine_not_ready', 'No model is chosen.', { action: 'Choose one in Models.' })
  return { engine: choice.engine, model: choice.name, modelDigest: digestOf(choice) }
}

function cardOf(choice: EngineChoice | undefined, { models, adapters }: Stock, catalogue: Catalogue): ModelCard {
  const digest = choice === undefined ? null : digestOf(choice)
  const model = models.find((each) => each.digest === digest)
  const web = choice?.engine === 'web-llm' ? webLlmModel(choice.id.slice('web-llm:'.length)) : undefined
  const mine = choice?.adapters ? fitting(adapters, digest ?? '') : []
  const beside = [...mine, ...catalogue.datanets]
  return {
    name: choice?.name ?? '',
    bytes: model?.bytes ?? choice?.needsBytes ?? 0,
    licence: model?.licence ?? web?.licence ?? '',
    digest: digest ?? '',
    besidesBytes: beside.reduce((sum, { bytes }) => sum + bytes, 0),
    adapters: Object.fromEntries(mine.map((adapter) => [adapter.digest, adapter.name])),
  }
}
