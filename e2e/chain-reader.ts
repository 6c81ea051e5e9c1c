// What the chain itself says, read by the specs with viem and without the page's code or the light client, so that a page that
// deceives itself is seen.
import { createPublicClient, http } from 'viem'
import type { Hex } from '../src/attribution/types.ts'
import { attributionsAbi, datanetsAbi, payoutsAbi } from '../src/wallet/contracts.generated.ts'
import { devnetSettings } from './real-page.ts'

export async function chainReader() {
  const { rpcUrl, addresses } = await devnetSettings()
  const client = createPublicClient({ transport: http(rpcUrl) })
  return {
    /** wei that an account was ever paid for its words. */
    totalPaid: (account: Hex) =>
      client.readContract({ address: addresses.payouts, abi: payoutsAbi, functionName: 'totalPaid', args: [account] }) as Promise<bigint>,
    /** wei of native OPEN. */
    balance: (account: Hex) => client.getBalance({ address: account }),
    /** How often a receipt was posted. */
    async timesPosted(receiptId: Hex): Promise<number> {
      const events = await client.getContractEvents({
        address: addresses.attributions,
        abi: attributionsAbi,
        eventName: 'ReceiptPosted',
        args: { receiptId },
        fromBlock: 0n,
      })
      return events.length
    },
    /** Contributions that a datanet holds, with their authors. */
    async contributions(datanet: bigint): Promise<{ author: Hex; tokens: bigint }[]> {
      const events = await client.getContractEvents({
        address: addresses.datanets,
        abi: datanetsAbi,
        eventName: 'Contributed',
        args: { datanet },
        fromBlock: 0n,
      })
      return events.map(({ args }) => ({ author: args.author!, tokens: args.tokens! }))
    },
  }
}
