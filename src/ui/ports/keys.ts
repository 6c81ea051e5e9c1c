// Keys, other wallets and endpoints as the page sees them: every change is made by the wallet's room and then told to all tabs,
// which open their wallets again. The words and the key cross to the page only when a person asks to see them.
// Invariant: a tab that hears of a lock locks; one that hears of an erasure stops, so that nothing is written after it.
import { asOpenChatError, OpenChatError } from '../../errors.ts'
import { indexedDbRecords } from '../../storage/records.ts'
import type { Burner, Successor } from '../../wallet/burner.ts'
import type { ConnectedWallet } from '../../wallet/injected-wallet.ts'
import type { Opener } from '../../wallet/key-lock.ts'
import type { KeyService, KeyView } from '../services.ts'
import { markForErasure } from '../settings/erase.ts'
import type { openConnection } from './connection.ts'
import { told } from './told.ts'

type Message = 'changed' | 'locked' | 'erased'

/** What it needs of the wallet's desk. */
export interface KeyPorts {
  connected: ConnectedWallet | null
  wallet(): Promise<{
    burner: Burner
    settings: { chainId: number; rpcUrl: string }
    deposits: { sweep(to: string): Promise<bigint> }
  }>
  reopen(): Promise<void>
  opened(listener: () => void): () => void
}

export interface KeyDesk {
  service: KeyService
  /** The connected wallet went away or is another. */
  connectionChanged(): Promise<void>
}

export function openKeyDesk(desk: KeyPorts, connection: ReturnType<typeof openConnection>): KeyDesk {
  const records = indexedDbRecords()
  const view = told<KeyView>({ state: 'opening' })
  const channel = new BroadcastChannel('open-chat/keys')

  async function publish(): Promise<void> {
    try {
      const { burner } = await desk.wallet()
      const { connected, gone } = connection.state.value
      const offer = connection.offers.value.find(({ id }) => id === connected?.id)
      view.set({
        state: 'ready',
        key: await burner.state(),
        connected: connected && { id: connected.id, name: connected.name, icon: offer?.icon ?? null, address: connected.address },
        gone,
      })
    } catch (error) {
      view.set({ state: 'absent', error: asOpenChatError(error) })
    }
  }

  async function reopen(): Promise<void> {
    desk.connected = connection.state.value.connected
    await desk.reopen()
    await publish()
  }

  channel.addEventListener('message', async ({ data }: MessageEvent<Message>) => {
    if (data === 'erased') return location.reload()
    if (data === 'changed') await desk.reopen()
    else
      await burner().then(
        (held) => held.lock(),
        // Without a wallet nothing is open.
        () => undefined,
      )
    await publish()
  })
  const tell = (message: Message) => channel.postMessage(message)

  const burner = async () => (await desk.wallet()).burner

  desk.opened(() => void publish())
  connection.state.subscribe(() => void publish())

  const service: KeyService = {
    subscribe: view.subscribe,
    async unlock(passphrase) {
      await (await burner()).unlock(passphrase)
      await publish()
    },
    async lock() {
      const held = await burner()
      held.lock()
      tell('locked')
      await publish()
    },
    async protect(by) {
      const held = await burner()
      const opener: Opener = by.kind === 'passkey' ? await (await import('../../wallet/passkey.ts')).makePasskey(held.address) : by
      await held.protect(opener)
      await publish()
    },
    phrase: async () => (await burner()).phrase(),
    keyFile: async (passphrase) => (await burner()).keyFile(passphrase),
    async confirmBackup() {
      await (await burner()).backedUp()
      await publish()
    },
    async restore(from) {
      const [{ replaceBurner }, { readKeyFile }] = await Promise.all([import('../../wallet/burner.ts'), import('../../wallet/key-file.ts')])
      const successor: Successor =
        typeof from === 'object' && 'file' in from ? { key: await readKeyFile(from.file, from.passphrase) } : from
      const address = await replaceBurner(records, successor)
      await reopen()
      tell('changed')
      return address
    },
    async moveToPhrase() {
      const [{ burner: held, deposits }, { replaceBurner }] = await Promise.all([desk.wallet(), import('../../wallet/burner.ts')])
      if (held.locked) {
        throw new OpenChatError('burner_locked', 'The account of this browser is locked.', { action: 'Unlock it in Settings.' })
      }
      // The new one is kept before any coin goes to it.
      const address = await replaceBurner(records, 'fresh')
      try {
        const moved = await deposits.sweep(address).catch((error: unknown) => {
          if (asOpenChatError(error).code === 'balance_insufficient') return 0n
          throw error
        })
        await reopen()
        tell('changed')
        return { address, moved }
      } catch (error) {
        await replaceBurner(records, { aside: held.address })
        throw error
      }
    },
    wallets(listener) {
      void connection.look()
      return connection.offers.subscribe((list) => listener(list.map(({ id, name, icon }) => ({ id, name, icon }))))
    },
    async connect(id, signal) {
      const { settings } = await desk.wallet()
      await connection.connect(id, settings, signal)
      await reopen()
    },
    async disconnect() {
      await connection.disconnect()
      await reopen()
    },
    async endpoints() {
      const [{ endpointsOf, endpointStore }, { loadSettings }] = await settingsRooms()
      const served = await loadSettings()
      const settings = await endpointStore(records).over(served)
      return { endpoints: endpointsOf(settings), chosen: settings !== served, chainId: settings.chainId }
    },
    async tryEndpoints(typed) {
      const [{ endpointStore, parseEndpoints, testEndpoints }, { loadSettings }] = await settingsRooms()
      const endpoints = parseEndpoints(typed)
      const settings = await loadSettings()
      const checks = await testEndpoints(settings, endpoints)
      if (checks.every(({ ok }) => ok)) {
        await endpointStore(records).keep(settings, endpoints)
        await reopen()
        tell('changed')
      }
      return checks
    },
    async resetEndpoints() {
      const [{ endpointStore }] = await settingsRooms()
      await endpointStore(records).forget()
      await reopen()
      tell('changed')
    },
    eraseAll() {
      markForErasure(localStorage)
      tell('erased')
      location.reload()
    },
  }
  return { service, connectionChanged: reopen }
}

const settingsRooms = () => Promise.all([import('../../wallet/endpoints.ts'), import('../../wallet/settings.ts')])
