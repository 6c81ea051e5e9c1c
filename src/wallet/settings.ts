// Which chain, contracts, data-availability server and validators this page works with: one object, read once from
// `/devnet.json` beside the page (written by `npm start`) or from wherever a deployment says. No code asks "am I in dev?".
// Invariant: settings are used whole or not at all; without them the page still chats and traces, and has no ledger.
import * as v from 'valibot'
import type { Hex } from '../attribution/types.ts'
import { OpenChatError } from '../errors.ts'
import type { RecordSpace } from '../storage/records.ts'

const url = v.pipe(v.string(), v.url())
const address = v.pipe(
  v.string(),
  v.regex(/^0x[0-9a-fA-F]{40}$/),
  v.transform((value) => value.toLowerCase() as Hex),
)

const schema = v.object({
  chainId: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  rpcUrl: url,
  /** More endpoints, which must agree with the first on every header. */
  rpcUrls: v.optional(v.array(url), []),
  daUrl: url,
  validatorUrls: v.array(url),
  /** Changes when a local chain is started afresh: what was kept of another one is void. */
  deployment: v.optional(v.string(), ''),
  /** Where `POST { address }` gives coin; absent where OPEN has value. */
  faucetUrl: v.optional(v.nullable(url), null),
  addresses: v.object({ wopen: address, datanets: address, attributions: address, payouts: address }),
})

export type WalletSettings = v.InferOutput<typeof schema>

/** @throws `settings_invalid` that names the field */
export function parseSettings(value: unknown): WalletSettings {
  const parsed = v.safeParse(schema, value)
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  const field = v.getDotPath(issue) ?? 'the whole'
  throw new OpenChatError('settings_invalid', `The chain settings are unusable: ${field}: ${issue.message}.`, {
    meta: { field },
    action: 'Restart `npm start`, or correct the settings.',
  })
}

/** @throws `settings_absent` where none are served: there is no chain to pay on; `settings_invalid` */
export async function loadSettings(from = '/devnet.json', fetch = globalThis.fetch): Promise<WalletSettings> {
  let response: Response
  try {
    response = await fetch(from)
  } catch (cause) {
    throw absent(from, cause)
  }
  if (!response.ok) throw absent(from, `HTTP ${response.status}`)
  let value: unknown
  try {
    value = await response.json()
  } catch (cause) {
    // A page server that answers every path with the page itself has no settings either.
    throw absent(from, cause)
  }
  return parseSettings(value)
}

const LAST = 'served'

/**
 * The settings as served, or as last served where nobody answers at all: a receipt is then still verified as far as that needs
 * no chain, and what needs one says that it cannot be asked. A server that answers without settings has none.
 */
export async function lastSettings(records: RecordSpace, from = '/devnet.json', fetch = globalThis.fetch): Promise<WalletSettings> {
  const store = records.open<WalletSettings>('settings')
  let answered = false
  try {
    const settings = await loadSettings(from, async (...request) => {
      const response = await fetch(...request)
      answered = true
      return response
    })
    await store.set(LAST, settings)
    return settings
  } catch (error) {
    const last = answered ? undefined : await store.get(LAST)
    if (last === undefined) throw error
    return parseSettings(last)
  }
}

function absent(from: string, cause: unknown): OpenChatError {
  return new OpenChatError('settings_absent', 'No chain is set up here, so nobody can be paid.', {
    meta: { from },
    action: 'Chat and tracing work without it; `npm start` sets up a local chain.',
    cause,
  })
}
