// Receipts over the seeded public-speech datanet for the Verify view: one that is honest, and for each step of a verification one
// that lies in that step alone. Made in Node by the page's own desk and signed with a key of its own; never posted, so the step
// `posted` is broken elsewhere (loop.spec.ts). Run by scripts/run.mjs: `--settings URL of /devnet.json --out FOLDER`.
// Invariant: the answer quotes two speeches, one sentence of which a later speech repeats, and ends in plain words, so that
// every step has something to judge.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Address, Secp256k1, Signature } from 'ox'
import catalogue from '../public/catalogue.json'
import { openNodeDesk, registeredAdapters } from '../scripts/node-desk.ts'
import { stateDir } from '../scripts/setup.mjs'
import { type ReceiptDomain, type ReceiptHeader, typedDataDigest } from '../src/attribution/receipt.ts'
import { writeReceiptFile } from '../src/attribution/receipt-file.ts'
import type { Hex, Passage } from '../src/attribution/types.ts'
import { breakableSteps, breakReceipt } from '../src/attribution/verify.broken.ts'
import type { OwnerReceipt } from '../src/attribution/verify.ts'
import { ZERO_HASH } from '../src/attribution/words.ts'
import { OpenChatError } from '../src/errors.ts'
import { parseSettings } from '../src/wallet/settings.ts'
import type { AttributionDesk } from '../src/workers/attribution-desk.ts'

const DATANET = '1'
/** Of nobody: a key that only ever signs these files. */
const PRIVATE_KEY: Hex = `0x${'42'.repeat(32)}`
const PROMPT = 'Which words do two speeches share?'
/** Words that stand in hundreds of places and say nothing. */
const PLAIN = ' It is the duty of the Government of the United States to say so, or not at all.'

export async function main(args: string[]): Promise<void> {
  const [settingsUrl, out] = ['--settings', '--out'].map((name) => args[args.indexOf(name) + 1]!)
  const { chainId, addresses } = parseSettings(await (await fetch(settingsUrl!)).json())
  const domain: ReceiptDomain = { chainId: BigInt(chainId), contract: addresses.attributions }
  const { receipt, desk } = await honestReceipt(domain)
  const recover = async (digest: Hex, signature: Hex) =>
    Secp256k1.recoverAddress({ payload: digest, signature: Signature.fromHex(signature) }).toLowerCase() as Hex
  const context = desk.verifyContext(domain, (digest, signature) => recover(digest, signature), null)
  mkdirSync(out!, { recursive: true })
  const write = (name: string, made: OwnerReceipt) => writeFileSync(join(out!, `${name}.json`), writeReceiptFile(made))
  write('honest', receipt)
  for (const step of breakableSteps) {
    const broken = await breakReceipt(step, { receipt, context, sign: (header) => sign(header, domain) })
    if (broken !== null) write(step, broken.receipt)
  }
}

async function sign(header: ReceiptHeader, domain: ReceiptDomain): Promise<Hex> {
  return Signature.toHex(Secp256k1.sign({ payload: typedDataDigest(header, domain), privateKey: PRIVATE_KEY }))
}

async function honestReceipt(domain: ReceiptDomain): Promise<{ receipt: OwnerReceipt; desk: AttributionDesk }> {
  const [model] = catalogue.models
  const speeches = catalogue.datanets.find(({ id }) => id === DATANET)
  const desk = await openNodeDesk({
    modelPath: join(stateDir, 'models', `${model!.sha256}.gguf`),
    datanets: { [DATANET]: join(stateDir, 'datanets', speeches!.digest) },
  })
  const { repeated, places } = repeatedSentence(desk)
  const own = sentences(desk, places[0]!.document).find((sentence) => sentence !== repeated && countOf(desk, sentence) === 1)
  if (own === undefined) throw new OpenChatError('seed_mismatch', 'That speech has no sentence of its own.')
  const passage = (document: number): Passage => ({
    datanet: DATANET,
    document,
    start: 0,
    length: 64,
    text: '',
    entry: desk.shelf.datanet(DATANET).documents[document]!,
  })
  const traced = {
    prompt: PROMPT,
    answer: `From the record:${repeated} So it was said.${own}${PLAIN}`,
    retrieved: places.map(({ document }) => passage(document)),
    adapters: registeredAdapters().flatMap(({ digest, lineage }) =>
      lineage.some(({ datanet }) => String(datanet) === DATANET) ? [digest.slice(2)] : [],
    ),
    datanets: [DATANET],
  }
  const payer = Address.fromPublicKey(Secp256k1.getPublicKey({ privateKey: PRIVATE_KEY }), { checksum: false })
  const draft = desk.draft({ ...traced, trace: desk.trace(traced), model: model!.sha256, payer, nonce: 0n }, domain)
  const header: ReceiptHeader = {
    payer,
    channel: ZERO_HASH,
    nonce: 0n,
    content: draft.contentHash,
    sharesRoot: draft.sharesRoot,
    shareCount: draft.shareCount,
    fee: draft.fee,
  }
  const { answer, prompt } = traced
  const owner = { answer, prompt, salt: draft.salt }
  return { receipt: { header, content: draft.content, signature: await sign(header, domain), owner }, desk }
}

/** A long sentence that two speeches hold word for word, and where. */
function repeatedSentence(desk: AttributionDesk): { repeated: string; places: { document: number }[] } {
  const { documents, index } = desk.shelf.datanet(DATANET).view()
  for (const { document } of documents) {
    for (const repeated of sentences(desk, document)) {
      const tokens = desk.shelf.tokens(repeated)
      if (tokens.length < 16) continue
      const places = index.query(tokens).occurrences(0, tokens.length)
      if (new Set(places.map((place) => place.document)).size > 1) return { repeated, places }
    }
  }
  throw new OpenChatError('seed_mismatch', 'No sentence of the speeches stands in two of them.')
}

const countOf = (desk: AttributionDesk, text: string) => desk.shelf.datanet(DATANET).view().index.count(desk.shelf.tokens(text))

/** Sentences of a document with the blank before them, 60 to 240 characters long. */
function sentences(desk: AttributionDesk, document: number): string[] {
  return (
    desk.shelf
      .text(DATANET, document)
      .match(/(?<=[.;] )[A-Z][^.;\n]{60,240}\./g)
      ?.map((sentence) => ` ${sentence}`) ?? []
  )
}
