// Who acts in the devnet: keys derived from names, known to all and worth nothing elsewhere. Never for a chain with value.
import type { Hex } from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { keccak, toHex, utf8 } from '../src/attribution/words.ts'

export type DevnetRole = 'deployer' | 'validator' | 'faucet'
export const DEVNET_ROLES: readonly DevnetRole[] = ['deployer', 'validator', 'faucet']

const devnetKey = (role: DevnetRole): Hex => toHex(keccak(utf8(`open-chat/devnet/${role}`)))
export const devnetAccount = (role: DevnetRole): PrivateKeyAccount => privateKeyToAccount(devnetKey(role))
