// The visitor's remote endpoints and the choice of engine, as this browser keeps them. A key lies on disk only as AES-GCM
// ciphertext under a CryptoKey that cannot be exported (a reader of the disk gets bytes; a script of this origin could use
// it), or is held in memory alone. Not the requests themselves (engines/remote.ts).

import type { Endpoint } from '../../engines/remote.ts'
import { OpenChatError } from '../../errors.ts'
import type { RecordSpace } from '../../storage/records.ts'
import type { EndpointDraft } from '../services.ts'

export interface KeptEndpoint {
  /** `remote:<n>`, never used twice. */
  id: string
  url: string
  model: string
  /** null: no key is needed, or it is in memory only (`keyed`). */
  sealed: { iv: Uint8Array<ArrayBuffer>; ciphertext: ArrayBuffer } | null
  keyed: boolean
}

interface EngineRecord {
  chosen?: string
  endpoints?: KeptEndpoint[]
  count?: number
  /** Seals the keys. */
  seal?: CryptoKey
}

const RECORD = 'engine'
const AES = { name: 'AES-GCM', length: 256 }

export class EngineSettings {
  #store
  #memory = new Map<string, string>()

  constructor(records: RecordSpace) {
    this.#store = records.open<EngineRecord>('engine')
  }

  async chosen(): Promise<string | null> {
    return (await this.#store.get(RECORD))?.chosen ?? null
  }

  async choose(chosen: string): Promise<void> {
    await this.#store.update(RECORD, (held) => ({ ...held, chosen }))
  }

  async endpoints(): Promise<KeptEndpoint[]> {
    return (await this.#store.get(RECORD))?.endpoints ?? []
  }

  async add({ url, model, key, keep }: EndpointDraft): Promise<KeptEndpoint> {
    const fresh = await crypto.subtle.generateKey(AES, false, ['encrypt', 'decrypt'])
    const { seal } = await this.#store.update(RECORD, (held) => ({ ...held, seal: held?.seal ?? fresh }))
    const iv = crypto.getRandomValues(new Uint8Array(12))
    const sealed =
      key !== '' && keep === 'encrypted'
        ? { iv, ciphertext: await crypto.subtle.encrypt({ ...AES, iv }, seal!, new TextEncoder().encode(key)) }
        : null
    const { endpoints } = await this.#store.update(RECORD, (held) => {
      const count = (held?.count ?? 0) + 1
      const added: KeptEndpoint = { id: `remote:${count}`, url, model, sealed, keyed: key !== '' }
      return { ...held, count, endpoints: [...(held?.endpoints ?? []), added] }
    })
    const added = endpoints!.at(-1)!
    if (key !== '' && keep === 'memory') this.#memory.set(added.id, key)
    return added
  }

  async remove(id: string): Promise<void> {
    this.#memory.delete(id)
    await this.#store.update(RECORD, (held) => ({ ...held, endpoints: (held?.endpoints ?? []).filter((endpoint) => endpoint.id !== id) }))
  }

  /** With its key in the open, for one request. @throws endpoint_key_missing */
  async opened({ id, url, model, sealed, keyed }: KeptEndpoint): Promise<Endpoint> {
    if (!keyed) return { url, model, key: '' }
    const held = this.#memory.get(id)
    if (held !== undefined) return { url, model, key: held }
    const seal = (await this.#store.get(RECORD))?.seal
    if (sealed !== null && seal !== undefined) {
      const plain = await crypto.subtle.decrypt({ ...AES, iv: sealed.iv }, seal, sealed.ciphertext)
      return { url, model, key: new TextDecoder().decode(plain) }
    }
    throw new OpenChatError('endpoint_key_missing', `The key of ${new URL(url).host} was kept only until the page was closed.`, {
      meta: { host: new URL(url).host },
      action: 'Add the endpoint again with its key.',
    })
  }
}
