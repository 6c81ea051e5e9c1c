// A datanet of this machine as a file, piece by piece: its documents that are not withdrawn, as rows for the writers of
// src/datanet. Loaded when somebody exports.
import { dataCard } from '../datanet/export-card.ts'
import { jsonLines } from '../datanet/export-jsonl.ts'
import { parquetFile } from '../datanet/export-parquet.ts'
import type { ExportRow } from '../datanet/export-rows.ts'
import type { ExportFacts } from './attribution-api.ts'
import type { DatanetShelf } from './datanet-shelf.ts'

/** @throws datanet_unknown; the signal's reason */
export async function* exportDatanet(
  shelf: DatanetShelf,
  facts: ExportFacts,
  format: 'jsonl' | 'parquet' | 'card',
  progress: (done: number, total: number) => void,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { datanet: id } = facts
  const datanet = shelf.datanet(id)
  const commitment = datanet.head()
  const offered = shelf.offered(id)
  let done = 0

  function* rows(): Generator<ExportRow> {
    for (const { document, contribution, contributor, ...declared } of offered) {
      signal.throwIfAborted()
      const { author, title, year, licence, order, tokens } = declared
      const da_commitment = facts.daCommitments[contribution] ?? '0x'
      const { root } = datanet.contributions[contribution]!
      const named = { id: `${id}/${document}`, title, author, year, licence, contributor, contribution, root, order, da_commitment }
      // Not through the shelf's memory of texts: an export would keep them all.
      yield { ...named, text: shelf.freshText(id, document), tokens, commitment }
      done++
    }
  }

  if (format === 'card') {
    const contributions = datanet.contributions.length
    const withdrawn = datanet.documents.length - offered.length
    yield new TextEncoder().encode(dataCard(rows(), { ...facts, commitment, contributions, withdrawn }))
  } else {
    const { name, licence } = facts
    const described = { name, licence, datanet: id, commitment, chain: String(facts.chainId), contract: facts.contract }
    for (const piece of format === 'jsonl' ? jsonLines(rows()) : parquetFile(rows(), described)) {
      yield piece
      progress(done, offered.length)
      // A turn for whoever waits on this thread, a cancellation among them.
      await new Promise((next) => setTimeout(next))
    }
  }
  progress(offered.length, offered.length)
}
