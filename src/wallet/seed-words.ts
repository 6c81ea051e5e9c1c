// The English word list of BIP-39, for whoever must tell a recovery phrase from other words (the intake masks them).
// It makes and reads no phrase. Source: viem's copy of the BIP's list.
import { english } from 'viem/accounts'

export const seedWords: readonly string[] = english
