// The typed call from one thread to another: `expose` in a worker, `openWorker` on the page. Not what crosses (codec.ts).
// The only file outside a worker that knows comlink.
// Invariants: every method is async on the caller's side; when the worker fails or is closed, every call still waiting is
// rejected with `worker_failed`, so nothing waits for ever.
import { expose as comlinkExpose, wrap as comlinkWrap, type Endpoint } from 'comlink'
import { OpenChatError } from '../errors.ts'
import { installCodec, workerError } from './codec.ts'

export { streamOf } from './codec.ts'

/** `T` as seen from another thread: methods only, each of them a promise. */
export type RemoteApi<T> = {
  [K in keyof T as T[K] extends (...args: never[]) => unknown ? K : never]: T[K] extends (...args: infer A) => infer R
    ? (...args: A) => Promise<Awaited<R>>
    : never
}

export interface OpenWorker<T> {
  api: RemoteApi<T>
  /** Ends the worker; calls still waiting are rejected. */
  close(): void
}

/** Offers `api` to the other side of `endpoint` (a worker's own scope by default). */
export function expose(api: object, endpoint?: Endpoint): void {
  installCodec()
  comlinkExpose(api, endpoint)
}

/** The other side of {@link expose}. Calls are methods of `T`; signals, iterables, callbacks and errors cross as they are. */
export function wrap<T>(endpoint: Endpoint): { api: RemoteApi<T>; fail(error: OpenChatError): void } {
  installCodec()
  const remote = comlinkWrap<Record<string, (...args: unknown[]) => unknown>>(endpoint)
  const waiting = new Set<(error: OpenChatError) => void>()
  let failure: OpenChatError | null = null
  const call = (method: string, args: unknown[]) =>
    new Promise<unknown>((resolve, reject) => {
      if (failure) return reject(failure)
      waiting.add(reject)
      Promise.resolve(remote[method](...args))
        .then(resolve, reject)
        .finally(() => waiting.delete(reject))
    })
  const api = new Proxy(Object.create(null) as RemoteApi<T>, {
    // A promise must not take the api for another promise.
    get: (_, key) => (typeof key === 'string' && key !== 'then' ? (...args: unknown[]) => call(key, args) : undefined),
  })
  return {
    api,
    fail(error) {
      failure ??= error
      for (const reject of waiting) reject(failure)
      waiting.clear()
    },
  }
}

/** Starts using `worker` as a `T`. @throws (from its calls) whatever the worker throws, or `worker_failed`. */
export function openWorker<T>(worker: Worker): OpenWorker<T> {
  const { api, fail } = wrap<T>(worker)
  worker.addEventListener('error', (event) => fail(workerError(event)))
  worker.addEventListener('messageerror', (event) => fail(workerError(event)))
  return {
    api,
    close() {
      worker.terminate()
      fail(new OpenChatError('worker_failed', 'The background worker was closed before it had answered.'))
    },
  }
}
