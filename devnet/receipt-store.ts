// The validator's durable memory: one file per receipt, written before the sender hears "taken". Not the truth about posting:
// that is the chain's `batchOf`.
// Invariants: a file appears whole or not at all; a receipt is kept for ever once.
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Hex } from '../src/attribution/types.ts'
import { type CheckedForm, formText, parseChecked } from './receipt-form.ts'

export interface ReceiptStore {
  get(id: Hex): CheckedForm | undefined
  all(): readonly CheckedForm[]
  /** Kept on disk when it resolves. */
  add(form: CheckedForm): Promise<void>
}

export async function openReceiptStore(folder: string): Promise<ReceiptStore> {
  await mkdir(folder, { recursive: true })
  const forms = new Map<Hex, CheckedForm>()
  for (const name of (await readdir(folder)).sort()) {
    if (!name.endsWith('.json')) continue
    const form = parseChecked(JSON.parse(await readFile(join(folder, name), 'utf8')))
    forms.set(form.id, form)
  }
  return {
    get: (id) => forms.get(id),
    all: () => [...forms.values()],
    async add(form) {
      if (forms.has(form.id)) return
      const path = join(folder, `${form.id}.json`)
      const part = `${path}.${Math.random().toString(36).slice(2)}.part`
      const file = await open(part, 'w')
      await file.writeFile(formText(form))
      await file.sync()
      await file.close()
      await rename(part, path)
      forms.set(form.id, form)
    },
  }
}
