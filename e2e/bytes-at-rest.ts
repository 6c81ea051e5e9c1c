// Everything that the page keeps in IndexedDB and localStorage, as byte strings, to look for what must not be there.
import type { Page } from '@playwright/test'

export interface BytesAtRest {
  /** Of the burner. */
  address: string
  /** The key that the burner is encrypted with. */
  deviceKey: { extractable: boolean; algorithm: string }
  /** Every buffer, and every run of 64 hex digits in any string. */
  blobs: Uint8Array[]
}

export async function bytesAtRest(page: Page): Promise<BytesAtRest> {
  const { hex, ...found } = await page.evaluate(async () => {
    const done = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result)
        request.onerror = () => reject(request.error)
      })
    const hex = new Set<string>()
    const toHex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
    let address = ''
    let deviceKey = { extractable: true, algorithm: '' }
    const collect = (value: unknown): void => {
      if (typeof value === 'string') for (const run of value.match(/[0-9a-f]{64}/gi) ?? []) hex.add(run.toLowerCase())
      else if (value instanceof ArrayBuffer) hex.add(toHex(new Uint8Array(value)))
      else if (ArrayBuffer.isView(value)) hex.add(toHex(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)))
      else if (value instanceof CryptoKey) deviceKey = { extractable: value.extractable, algorithm: value.algorithm.name }
      else if (typeof value === 'bigint') hex.add(value.toString(16).padStart(64, '0'))
      else if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) collect(part)
    }
    for (const { name } of await indexedDB.databases()) {
      const database = await done(indexedDB.open(name!))
      for (const store of database.objectStoreNames) {
        const records = await done(database.transaction(store).objectStore(store).getAll())
        if (name === 'open-chat/keys') address = (records[0] as { address: string }).address
        collect(records)
      }
      database.close()
    }
    collect(JSON.stringify(localStorage))
    return { hex: [...hex], address, deviceKey }
  })
  return { ...found, blobs: hex.map((digits) => Uint8Array.from(Buffer.from(digits, 'hex'))) }
}
