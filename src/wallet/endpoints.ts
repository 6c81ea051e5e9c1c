// The servers a person chose in place of those the page came with, and a look at each before it is kept. Chain id and contracts
// stay: another chain is another deployment of the page (settings.ts).
// Invariants: what is kept was tested; kept endpoints are of one deployment and void in another; nothing is tested by writing.
import * as v from 'valibot'
import { asOpenChatError, OpenChatError } from '../errors.ts'
import type { RecordSpace } from '../storage/records.ts'
import { createLightClient } from './light-client/client.ts'
import { createContractState } from './light-client/contract-state.ts'
import { httpRpc } from './light-client/rpc.ts'
import { parseSettings, type WalletSettings } from './settings.ts'

export interface Endpoints {
  rpcUrl: string
  /** More, which must agree with the first. */
  rpcUrls: string[]
  daUrl: string
  validatorUrls: string[]
}

export interface EndpointCheck {
  kind: 'rpc' | 'da' | 'validator'
  url: string
  ok: boolean
  /** One sentence. */
  detail: string
}

interface KeptEndpoints extends Endpoints {
  deployment: string
}

const RECORD = 'endpoints'
const ZERO = `0x${'00'.repeat(32)}` as const
const PATIENCE_MS = 8_000

const web = v.pipe(v.string(), v.trim(), v.url(), v.regex(/^https?:\/\//))
const schema = v.object({
  rpcUrl: web,
  rpcUrls: v.array(web),
  daUrl: web,
  validatorUrls: v.pipe(v.array(web), v.minLength(1)),
})

/** How a validator says that it has no such receipt. */
const MISSING = v.object({ error: v.object({ code: v.literal('not_found') }) })

export const endpointsOf = ({ rpcUrl, rpcUrls, daUrl, validatorUrls }: WalletSettings): Endpoints => ({
  rpcUrl,
  rpcUrls,
  daUrl,
  validatorUrls,
})

/** @throws `settings_invalid` that names the field */
export function parseEndpoints(value: unknown): Endpoints {
  const parsed = v.safeParse(schema, value)
  if (parsed.success) return parsed.output
  const field = v.getDotPath(parsed.issues[0]) ?? 'the whole'
  throw new OpenChatError('settings_invalid', `That is no usable address: ${field}.`, {
    meta: { field },
    action: 'Enter a whole address that begins with http:// or https://.',
  })
}

export function endpointStore(records: RecordSpace) {
  const store = records.open<KeptEndpoints>('settings')
  return {
    /** The settings with what the person chose. */
    async over(settings: WalletSettings): Promise<WalletSettings> {
      const kept = await store.get(RECORD)
      if (kept === undefined || kept.deployment !== settings.deployment) return settings
      const { deployment: _, ...endpoints } = kept
      return parseSettings({ ...settings, ...endpoints })
    },
    keep: (settings: WalletSettings, endpoints: Endpoints) => store.set(RECORD, { ...endpoints, deployment: settings.deployment }),
    forget: () => store.delete(RECORD),
  }
}

/** Looks at each server once: right chain and contracts, answers in the expected form. */
export async function testEndpoints(settings: WalletSettings, endpoints: Endpoints, fetch = globalThis.fetch): Promise<EndpointCheck[]> {
  const rpcs = [endpoints.rpcUrl, ...endpoints.rpcUrls].map((url) =>
    check('rpc', url, async () => {
      const state = createContractState(createLightClient({ chainId: settings.chainId, rpcs: [httpRpc(url)] }), settings.addresses)
      const pinned = await state.pin()
      await state.parametersHash(pinned)
      return `Chain ${settings.chainId} at block ${pinned.number}, with the contracts, proven.`
    }),
  )
  const asked = async (url: string, path: string, code: number) => {
    const response = await fetch(`${url.replace(/\/$/, '')}${path}`, { signal: AbortSignal.timeout(PATIENCE_MS) })
    if (response.status !== code) throw new OpenChatError('settings_invalid', `It answered ${response.status}.`)
    return response
  }
  const da = check('da', endpoints.daUrl, async () => {
    // What nobody has is missing, which any server says of any address; what is no commitment is a fault of the asker, which
    // only a server of commitments says.
    await asked(endpoints.daUrl, `/get/0x00${ZERO.slice(2)}`, 404)
    await asked(endpoints.daUrl, '/get/0xno-commitment', 400).catch(() => {
      throw new OpenChatError('settings_invalid', 'It answers, but not as a data-availability server does.')
    })
    return 'It answers as expected.'
  })
  const validators = endpoints.validatorUrls.map((url) =>
    check('validator', url, async () => {
      const answer: unknown = await (await asked(url, `/receipts/${ZERO}`, 404)).json().catch(() => null)
      if (v.is(MISSING, answer)) return 'It answers as expected.'
      throw new OpenChatError('settings_invalid', 'It answers, but not as a validator does.')
    }),
  )
  return Promise.all([...rpcs, da, ...validators])
}

async function check(kind: EndpointCheck['kind'], url: string, look: () => Promise<string>): Promise<EndpointCheck> {
  try {
    return { kind, url, ok: true, detail: await look() }
  } catch (error) {
    const { code, shortMessage } = asOpenChatError(error)
    return { kind, url, ok: false, detail: code === 'internal_error' ? 'It cannot be reached.' : shortMessage }
  }
}
