// What is published on DA for a batch: its receipts with their shares, from which anyone rebuilds every line. JSON, so that a
// person can read what became public.
// Invariants: the lines are a function of the receipts; a bundle is believed only when its lines have the posted root.

import type { MerkleTree } from '../src/attribution/merkle.ts'
import { batchLines, type Line, linesTree } from '../src/attribution/receipt-shares.ts'
import { utf8 } from '../src/attribution/words.ts'
import { OpenChatError } from '../src/errors.ts'
import type { BatchView } from './chain-view.ts'
import { type CheckedForm, formText, parseChecked } from './receipt-form.ts'

export interface BatchContents {
  receipts: readonly CheckedForm[]
  lines: readonly Line[]
  tree: MerkleTree
}

export function contentsOf(receipts: readonly CheckedForm[]): BatchContents {
  const lines = batchLines(receipts)
  return { receipts, lines, tree: linesTree(lines) }
}

export const bundleBytes = (receipts: readonly CheckedForm[]): Uint8Array =>
  utf8(
    formText({ version: 1, receipts: receipts.map(({ header, content, signature, shares }) => ({ header, content, signature, shares })) }),
  )

/** @throws `bundle_invalid` when the bytes are no bundle, or not that of `batch` */
export function openBundle(bytes: Uint8Array, batch: Pick<BatchView, 'linesRoot' | 'lineCount'>): BatchContents {
  let contents: BatchContents
  try {
    const { receipts } = JSON.parse(new TextDecoder().decode(bytes)) as { receipts: unknown[] }
    contents = contentsOf(receipts.map(parseChecked))
  } catch (cause) {
    throw new OpenChatError('bundle_invalid', 'The published bytes are not a batch of receipts.', { cause })
  }
  const { root, count } = contents.tree
  if (root !== batch.linesRoot || count !== batch.lineCount) {
    throw new OpenChatError(
      'bundle_invalid',
      `The published receipts give ${count} lines of root ${root}, the batch was posted with ${batch.lineCount} of ${batch.linesRoot}.`,
      {
        meta: { got: root, expected: batch.linesRoot },
      },
    )
  }
  return contents
}
