// An endpoint as a runner: nothing is fetched or loaded, and each request opens the key anew.
import type { EngineSettings, KeptEndpoint } from './engine-endpoints.ts'
import type { Runner, Running } from './engine-runner.ts'

export function remoteRunner(settings: EngineSettings, endpoint: KeptEndpoint): Runner {
  const running: Running = { gpu: new URL(endpoint.url).host, software: false, contextTokens: null, demotions: [], adapters: [] }
  return {
    digest: null,
    kept: async () => ({ complete: true, receivedBytes: 0 }),
    async load() {
      await settings.opened(endpoint)
      return running
    },
    recover: async () => running,
    unload: async () => {},
    count: async () => null,
    async *chat(request, signal) {
      const { remoteChat } = await import('../../engines/remote.ts')
      yield* remoteChat(await settings.opened(endpoint), request, signal)
    },
  }
}
