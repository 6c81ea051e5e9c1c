// Steps about the receipt itself: its bytes, its header, its signature, and that it is about this prompt and this answer.
import { asOpenChatError } from '../errors.ts'
import { contentHash, receiptId, saltedRoot, typedDataDigest } from './receipt.ts'
import { decodeContent, encodeContent } from './receipt-codec.ts'
import type { Hex } from './types.ts'
import type { StepFinding, VerifyStepDefinition } from './verify.ts'
import type { Facts } from './verify-facts.ts'
import { toHex } from './words.ts'

/** `ok` when both are the same text, letter case aside; else what was expected and what came. */
export function compare(detail: string, expected: string, got: string): StepFinding {
  if (expected.toLowerCase() === got.toLowerCase()) return { status: 'ok', detail }
  return { status: 'failed', detail: `Not so: ${detail}`, expected, got }
}

function encoding({ receipt }: Facts): StepFinding {
  try {
    const canonical = encodeContent(decodeContent(receipt.content))
    if (toHex(canonical) !== toHex(receipt.content)) return { status: 'failed', detail: 'The content is not in its canonical form.' }
  } catch (error) {
    // Here the refusal is the finding; every other step only learns that there is nothing to read.
    return { status: 'failed', detail: asOpenChatError(error).shortMessage }
  }
  const detail = `The content is canonical (${receipt.content.length} bytes), and the header names its hash.`
  return compare(detail, contentHash(receipt.content), receipt.header.content)
}

function header({ receipt, content, context }: Facts): StepFinding {
  const stated = receipt.header
  const pairs: [string, unknown, unknown][] = [
    ['payer', stated.payer.toLowerCase(), content.payer.toLowerCase()],
    ['channel', stated.channel, content.channel],
    ['nonce', stated.nonce, content.nonce],
    ['fee', stated.fee, content.fee],
    ['chain', context.domain.chainId, content.chainId],
    ['contract', context.domain.contract.toLowerCase(), content.contract.toLowerCase()],
  ]
  const wrong = pairs.find(([, expected, got]) => expected !== got)
  if (wrong === undefined) {
    return { status: 'ok', detail: 'Header and content name the same payer, nonce, fee, chain and contract.' }
  }
  const [name, expected, got] = wrong
  const detail = ['chain', 'contract'].includes(name)
    ? `The receipt is made for another ${name} than the one this page works with.`
    : `Header and content differ in ${name}.`
  return { status: 'failed', detail, expected: String(expected), got: String(got) }
}

/** Whether the content names another chain or contract than this page's. */
function elsewhere({ content, context }: Facts): boolean {
  return content.chainId !== context.domain.chainId || content.contract.toLowerCase() !== context.domain.contract.toLowerCase()
}

async function signature(facts: Facts): Promise<StepFinding> {
  const { receipt, context } = facts
  const signer = await context.recover(typedDataDigest(receipt.header, context.domain), receipt.signature)
  const finding = compare(`Receipt ${receiptId(receipt.header).slice(0, 10)}… is signed by the payer.`, receipt.header.payer, signer)
  if (finding.status === 'ok' || !elsewhere(facts)) return finding
  // Signed for where it says it belongs, as far as this page can tell: no forgery is shown by reading it in another place.
  return { status: 'unknown', detail: 'Not judged: what is signed names another chain or contract, as the step above says.' }
}

const rooted =
  (domain: 'prompt' | 'answer') =>
  async (facts: Facts): Promise<StepFinding> => {
    const tokens = await facts[domain]()
    const { content } = facts
    const stated: { root: Hex; count: number } =
      domain === 'prompt'
        ? { root: content.promptRoot, count: content.promptCount }
        : { root: content.answerRoot, count: content.answerCount }
    // A root over other tokens would be another one; to build it over a book somebody put here would only cost minutes.
    if (tokens.length !== stated.count) {
      const detail = `The receipt is about another ${domain}: it has another number of tokens.`
      return { status: 'failed', detail, expected: `${tokens.length} tokens`, got: `${stated.count} tokens` }
    }
    return compare(
      `The receipt is about this ${domain} of ${tokens.length} tokens, under the owner's salt.`,
      `${tokens.length} tokens, root ${saltedRoot(facts.owner.salt, domain, tokens)}`,
      `${stated.count} tokens, root ${stated.root}`,
    )
  }

export const formSteps: readonly VerifyStepDefinition[] = [
  { id: 'encoding', title: 'One exact encoding', level: 'public', check: encoding },
  { id: 'header', title: 'Header and content agree', level: 'public', check: header },
  { id: 'signature', title: 'Signed by the payer', level: 'public', check: signature },
  { id: 'prompt', title: 'About this prompt', level: 'owner', check: rooted('prompt') },
  { id: 'answer', title: 'About this answer', level: 'owner', check: rooted('answer') },
]
