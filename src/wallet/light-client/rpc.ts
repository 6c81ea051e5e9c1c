// One JSON-RPC endpoint of a chain, asked with a time limit. Not trusted: what it answers is proven elsewhere; here only
// its form is checked, and every failure names the host.
import { asOpenChatError, OpenChatError } from '../../errors.ts'

export interface Rpc {
  /** Host name, for messages. */
  readonly host: string
  /** @throws `rpc_unreachable`, `rpc_timeout`, `rpc_refused`, `rpc_lied` (not JSON-RPC at all) */
  request(method: string, params: unknown[], signal?: AbortSignal): Promise<unknown>
}

export interface RpcOptions {
  timeoutMs?: number
  fetch?: typeof globalThis.fetch
}

/** The typed error for an endpoint that said something provably false. */
export function lied(host: string, what: string, cause?: unknown): OpenChatError {
  const fault = cause === undefined ? null : asOpenChatError(cause).shortMessage
  return new OpenChatError('rpc_lied', `${host} gave a false ${what}${fault === null ? '' : `: ${fault}`}`, {
    meta: { host, what, fault },
    action: 'Choose another RPC in the settings; nothing it said was used.',
    cause,
  })
}

export function httpRpc(url: string, { timeoutMs = 10_000, fetch = globalThis.fetch }: RpcOptions = {}): Rpc {
  const host = URL.canParse(url) ? new URL(url).host : url
  let id = 0
  async function post(method: string, params: unknown[], signal: AbortSignal): Promise<unknown> {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params }),
      signal,
    })
    const text = await response.text()
    try {
      return JSON.parse(text)
    } catch (cause) {
      throw response.ok ? lied(host, `answer to ${method}`, cause) : new Error(`HTTP ${response.status}`)
    }
  }
  return {
    host,
    async request(method, params, signal) {
      const timeout = AbortSignal.timeout(timeoutMs)
      let answer: unknown
      try {
        answer = await post(method, params, signal ? AbortSignal.any([signal, timeout]) : timeout)
      } catch (cause) {
        if (cause instanceof OpenChatError) throw cause
        if (signal?.aborted) throw new OpenChatError('cancelled', 'Reading the chain was cancelled.', { cause })
        if (timeout.aborted) {
          throw new OpenChatError('rpc_timeout', `${host} did not answer ${method} within ${timeoutMs / 1000} s.`, {
            meta: { host, method, timeoutMs },
            action: 'Try again, or choose another RPC in the settings.',
            cause,
          })
        }
        throw new OpenChatError('rpc_unreachable', `${host} cannot be reached.`, {
          meta: { host, method },
          action: 'Check the connection, or choose another RPC in the settings.',
          cause,
        })
      }
      if (typeof answer !== 'object' || answer === null) throw lied(host, `answer to ${method}`)
      if ('error' in answer && answer.error) {
        const { message } = answer.error as { message?: unknown }
        throw new OpenChatError('rpc_refused', `${host} refused ${method}: ${String(message).slice(0, 200)}.`, { meta: { host, method } })
      }
      if (!('result' in answer)) throw lied(host, `answer to ${method}`)
      return answer.result
    },
  }
}
