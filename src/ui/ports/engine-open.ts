// The engine of the tab that runs it, put together: the host, the gpu worker and a runner for each kind of choice. Loaded by the
// tab that leads, when it does: the first screen needs none of it.
import { webLlmModel } from '../../engines/web-llm-models.ts'
import { OpenChatError } from '../../errors.ts'
import type { RecordSpace } from '../../storage/records.ts'
import type { EngineChoice, LocalAdapter } from '../services.ts'
import { cpuHindrance, fitting, type Known } from './engine-choices.ts'
import { cpuRunner } from './engine-cpu.ts'
import { EngineSettings } from './engine-endpoints.ts'
import { EngineHost, type Stock } from './engine-host.ts'
import { type LocalRunner, localRunner, openGpuWorker } from './engine-local.ts'
import { remoteRunner } from './engine-remote.ts'
import type { Runner } from './engine-runner.ts'
import { webLlmKept, webLlmRunner } from './engine-web-llm.ts'
import type { Told } from './told.ts'

/** The engine of this tab, once it leads. @param drafts what `GpuWorker.draftFrom` takes */
export function openHost(stock: Told<Stock>, records: RecordSpace, drafts: MessagePort): EngineHost {
  const settings = new EngineSettings(records)
  const gpu = openGpuWorker()
  // A worker that fails says so at its first call for a model.
  gpu.draftFrom(drafts).catch(() => undefined)
  let local: { runner: LocalRunner; digest: string } | null = null
  const host = new EngineHost({
    ...{ settings, stock, cpuHindrance, webLlmKept },
    probe: () => gpu.probe(),
    runner(choice: EngineChoice, known: Known): Runner {
      const [, name = ''] = /^[^:]+:(.*)$/.exec(choice.id) ?? []
      local = null
      if (choice.engine === 'remote') return remoteRunner(settings, known.endpoints.find(({ id }) => id === choice.id)!)
      if (choice.engine === 'web-llm') {
        const { gpu: card = '', software = false } = known.gpu instanceof OpenChatError ? {} : (known.gpu ?? {})
        return webLlmRunner(webLlmModel(name)!, card, software)
      }
      const model = known.models.find(({ digest }) => digest === name)!
      if (choice.engine === 'cpu') return cpuRunner(gpu, model)
      local = { runner: localRunner(gpu, model, fitting(stock.value.adapters, name)), digest: name }
      return local.runner
    },
  })
  let before = stock.value.adapters
  stock.subscribe(({ adapters }) => {
    if (local === null || sameFiles(before, adapters)) return
    before = adapters
    void host.refit(local.runner.adapters(fitting(adapters, local.digest)))
  })
  return host
}

const sameFiles = (a: LocalAdapter[], b: LocalAdapter[]) => a.length === b.length && a.every(({ digest }, i) => digest === b[i]!.digest)
