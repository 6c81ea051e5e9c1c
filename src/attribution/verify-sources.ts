// Steps about what an answer was made and searched with: parameters, backbone, adapters, datanets, retrieved passages.
import { contributionRoot, contributionsHead, nameHash } from './contributions.ts'
import { parametersHash } from './parameters.ts'
import { lineageRoot } from './receipt.ts'
import type { Hex } from './types.ts'
import type { Proven, StepFinding, VerifyStepDefinition } from './verify.ts'
import type { Facts, NamedIndex } from './verify-facts.ts'
import { compare } from './verify-form.ts'

/** A finding held against a proven chain value: `unknown` without a chain, `failed` where the value differs. */
async function proven(
  finding: StepFinding,
  name: string,
  stated: Hex,
  read: (() => Promise<Proven<Hex>>) | undefined,
): Promise<StepFinding> {
  if (finding.status !== 'ok') return finding
  if (read === undefined) return { ...finding, status: 'unknown', detail: `${finding.detail} No chain was reachable to prove it.` }
  const { value, assurance } = await read()
  const values = [...(finding.values ?? []), { name, value, assurance }]
  return { ...compare(`${finding.detail} The chain holds the same.`, value, stated), values }
}

async function parameters({ content, context }: Facts): Promise<StepFinding> {
  const { chain } = context
  const hash = parametersHash(context.parameters)
  if (hash === content.parametersHash && context.parameters.fee !== content.fee) {
    return {
      status: 'failed',
      detail: 'The fee is not the one these parameters set.',
      expected: `${context.parameters.fee} wei`,
      got: `${content.fee} wei`,
    }
  }
  const finding = compare('Threshold, limits and fee are those of this page.', hash, content.parametersHash)
  return proven(finding, 'parameters hash', content.parametersHash, chain === null ? undefined : () => chain.parametersHash())
}

function model({ content, context }: Facts): StepFinding {
  const name = context.modelName(content.model)
  if (name !== null) return { status: 'ok', detail: `The backbone is ${name}.` }
  return { status: 'failed', detail: 'No registered backbone has this digest.', got: content.model }
}

function adapters({ content, context }: Facts): StepFinding {
  const unknown = content.adapters.find(({ digest }) => context.lineageOf(digest) === null)
  if (unknown !== undefined) return { status: 'failed', detail: 'No registered adapter has this digest.', got: unknown.digest }
  const lineage = content.adapters.flatMap(({ digest }) => [...(context.lineageOf(digest) ?? [])])
  return compare(
    `${content.adapters.length} adapters with ${lineage.length} steps of registered lineage.`,
    `${lineage.length} steps, root ${lineageRoot(lineage)}`,
    `${content.lineageCount} steps, root ${content.lineageRoot}`,
  )
}

const checkedChains = new WeakMap<object, string | null>()

/** Why an index's documents are not what its contributions committed to; null when they are. Hashing 2 M tokens takes ~0.3 s, once. */
function chainFault(named: NamedIndex): string | null {
  const known = checkedChains.get(named.chained)
  if (known !== undefined) return known
  const fault =
    named.chained
      .map((contribution, n) => {
        const own = named.documents.filter((entry) => entry.contribution === n)
        const documents = own.map((entry) => ({ tokens: Uint16Array.from(named.index.tokensOf(entry.document)), facts: entry }))
        const same =
          contribution.index === n &&
          String(contribution.datanet) === named.datanet &&
          contribution.documents === own.length &&
          contribution.tokens === documents.reduce((sum, { tokens }) => sum + tokens.length, 0) &&
          contribution.root === contributionRoot(documents) &&
          own.every(
            (entry) =>
              entry.order === contribution.order &&
              entry.contributor.toLowerCase() === contribution.author.toLowerCase() &&
              nameHash(entry.licence) === contribution.licence,
          )
        return same ? null : `contribution ${n}`
      })
      .find((fault) => fault !== null) ?? (named.documents.length === named.index.documents ? null : 'the number of documents')
  checkedChains.set(named.chained, fault)
  return fault
}

async function indexes(facts: Facts): Promise<StepFinding> {
  const { chain } = facts.context
  const named = await facts.indexes()
  let result: StepFinding = { status: 'ok', detail: `${named.length} datanets were hashed again, text by text.` }
  for (const [i, stated] of facts.content.indexes.entries()) {
    const fault = chainFault(named[i])
    if (fault !== null) return { status: 'failed', detail: `In datanet ${stated.datanet} the texts here do not match ${fault}.` }
    const head = compare(result.detail, contributionsHead(named[i].chained.slice(0, stated.contributions)), stated.commitment)
    if (head.status === 'failed') return { ...head, detail: `The head of datanet ${stated.datanet} is another one.` }
    const read = chain === null ? undefined : () => chain.headAt(stated.datanet, stated.contributions)
    const before = { ...result, detail: 'The texts of every datanet hash to the stated heads.' }
    const next = await proven(before, `head of datanet ${stated.datanet} at ${stated.contributions}`, stated.commitment, read)
    if (next.status !== 'ok') return next
    result = next
  }
  return result
}

async function passages(facts: Facts): Promise<StepFinding> {
  const { retrieved } = facts.content
  const named = await facts.indexes()
  for (const { index, document, start, length } of retrieved) {
    const holder = named[index].index
    const tokens = document < holder.documents ? holder.documentTokens(document) : 0
    if (length === 0 || start + length > tokens) {
      return {
        status: 'failed',
        detail: `A retrieved passage lies outside its document (index ${index}, document ${document}).`,
        expected: `within 0 to ${tokens}`,
        got: `${start} to ${start + length}`,
      }
    }
  }
  return { status: 'ok', detail: retrieved.length === 0 ? 'Nothing was retrieved.' : `${retrieved.length} retrieved passages exist.` }
}

export const sourceSteps: readonly VerifyStepDefinition[] = [
  { id: 'parameters', title: 'Parameters of the protocol', level: 'public', check: parameters },
  { id: 'model', title: 'A registered backbone', level: 'public', check: model },
  { id: 'adapters', title: 'Adapters and their lineage', level: 'public', check: adapters },
  { id: 'indexes', title: 'Datanets as committed', level: 'public', check: indexes },
  { id: 'passages', title: 'Retrieved passages exist', level: 'public', check: passages },
]
