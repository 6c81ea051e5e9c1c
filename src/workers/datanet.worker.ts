// The datanet worker: the intake of files (datanet/intake.ts) served to the page. The page's thread never reads a file.
import { Intake } from '../datanet/intake.ts'
import { piiFinder } from '../datanet/pii/find.ts'
import { OpenChatError } from '../errors.ts'
import { readGguf } from '../gpu/formats/gguf.ts'
import { createTokenizer } from '../gpu/model/tokenizer.ts'
import { openBlobs } from '../storage/open.ts'
import type { DatanetWorker } from './datanet-api.ts'
import { foldCase } from './fold-case.ts'
import { openSpill } from './opfs-spill.ts'
import { pdfHost } from './pdf-host.ts'
import { expose } from './rpc.ts'
import { blobSource, rangeSource } from './sources.ts'

let intake: Intake | null = null

function opened(): Intake {
  if (intake !== null) return intake
  throw new OpenChatError('engine_not_ready', 'The tokeniser is not loaded yet.', { action: 'Wait a moment and try again.' })
}

const worker: DatanetWorker = {
  async open({ model, seedWords }) {
    const kept = await (await openBlobs()).get(model.sha256)
    const gguf = await readGguf(kept === null ? rangeSource(model.urls[0]!, model.bytes) : blobSource(kept))
    const tokenizer = createTokenizer(gguf)
    intake = new Intake({
      encode: (text) => tokenizer.encode(text),
      words: (tokens) => tokenizer.decode(Array.from(tokens)),
      fold: foldCase(tokenizer),
      find: piiFinder(seedWords),
      spill: await openSpill(),
      pdfHost,
    })
  },

  known: async () => opened().known(),
  learn: async ({ datanet, documents }) => opened().learn(datanet, documents),
  examine: (source, options, signal) => opened().examine(source, options, signal),
  documents: async (offset, limit) => opened().documents(offset, limit),
  totals: async () => opened().totals(),
  mask: async (document, findings, masked) => opened().mask(document, findings, masked),
  maskKind: async (kind, masked) => opened().maskKind(kind, masked),
  describe: async (document, facts) => opened().describe(document, facts),
  text: async (document, from, to) => opened().text(document, from, to),
  drop: async (document, dropped) => opened().drop(document, dropped),
  batches: (facts, maxBytes, signal) => opened().batches(facts, maxBytes, signal),
  release: async () => opened().release(),
}

expose(worker)
