// The validator's own look at the corpus before it posts a receipt: the steps of a verification that anyone can take, over
// the page's own code. Datanets that grew are brought up from chain and DA first. Not the owner's steps: no validator sees
// an answer.
import type { CorpusCheck } from '../devnet/receipt-check.ts'
import type { DevnetSettings } from '../devnet/start.ts'
import { encodeContent } from '../src/attribution/receipt-codec.ts'
import { verifySteps } from '../src/attribution/verify.ts'
import { Facts } from '../src/attribution/verify-facts.ts'
import { ZERO_HASH } from '../src/attribution/words.ts'
import { createDataAvailability } from '../src/wallet/data-availability.ts'
import { createDatanetReader, type DatanetReader } from '../src/wallet/datanets.ts'
import { createLightClient } from '../src/wallet/light-client/client.ts'
import { createContractState } from '../src/wallet/light-client/contract-state.ts'
import { httpRpc } from '../src/wallet/light-client/rpc.ts'
import type { AttributionDesk } from '../src/workers/attribution-desk.ts'

/** Steps about the corpus; the others are the validator's already, or the owner's. */
const CORPUS_STEPS = ['passages', 'positions', 'count', 'eligible', 'earliest', 'surprisal', 'threshold']

type ChainOfCorpus = Pick<DevnetSettings, 'chainId' | 'rpcUrl' | 'daUrl' | 'addresses'>

export function corpusCheck(openDesk: () => Promise<AttributionDesk>, settings: ChainOfCorpus): CorpusCheck {
  let opening: Promise<{ desk: AttributionDesk; reader: DatanetReader }> | null = null
  const opened = () => {
    opening ??= openDesk().then((desk) => ({ desk, reader: readerOf(settings) }))
    return opening
  }
  return async (content) => {
    const { desk, reader } = await opened()
    for (const { datanet, contributions } of content.indexes) {
      const id = String(datanet)
      const known = desk.shelf.has(id) ? desk.shelf.datanet(id).contributions.length : 0
      if (known >= contributions) continue
      const listed = await reader.contributions(datanet)
      const fresh = listed.contributions.slice(known)
      const fetched = await Promise.all(
        fresh.map(async (contribution) => ({ contribution, documents: await reader.documents(contribution) })),
      )
      desk.shelf.addContributions(id, fetched)
    }
    const domain = { chainId: content.chainId, contract: content.contract }
    const context = desk.verifyContext(domain, async () => content.payer, null)
    // The steps named read the content alone; header and signature were checked before.
    const { payer, channel, nonce, fee } = content
    const header = { payer, channel, nonce, fee, content: ZERO_HASH, sharesRoot: ZERO_HASH, shareCount: 0 }
    const facts = new Facts({ header, content: encodeContent(content), signature: '0x' }, context)
    for (const { id, title, check } of verifySteps) {
      if (!CORPUS_STEPS.includes(id)) continue
      const finding = await check(facts)
      if (finding.status === 'failed') return `${title}: ${finding.detail}`
    }
    return null
  }
}

function readerOf({ chainId, rpcUrl, daUrl, addresses }: ChainOfCorpus): DatanetReader {
  const rpc = httpRpc(rpcUrl)
  const state = createContractState(createLightClient({ chainId, rpcs: [rpc] }), addresses)
  return createDatanetReader(state, rpc, createDataAvailability(daUrl))
}
