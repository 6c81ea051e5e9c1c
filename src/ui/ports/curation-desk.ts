// What a curator sees and decides, as the page sees it: who asks for access, what waits, and the texts of what waits, fetched
// from DA and hashed here before anybody can accept them. Not the transactions (wallet/curation.ts).
import type { Hex } from '../../attribution/types.ts'
import type { AccessRequest, DatanetService, RefusalReason, SubmissionTexts } from '../services.ts'
import type { DatanetDeskPorts } from './datanet-desk.ts'

type Curator = Pick<
  DatanetService,
  'describe' | 'askAccess' | 'requests' | 'setAccess' | 'queue' | 'submission' | 'accept' | 'refuse' | 'retract' | 'withdraw'
>

export function curationDesk({ tracer, wallet, ensure, licenceName }: DatanetDeskPorts): Curator {
  const net = async (id: string) => (await (await wallet()).datanets.one(BigInt(id))).value
  const curation = async () => (await wallet()).curation

  return {
    describe: async (id, text) => (await curation()).describe(BigInt(id), text),
    askAccess: async (id, note) => (await curation()).askAccess(BigInt(id), note),
    requests: async (id) => [...(await net(id)).access.values()] as AccessRequest[],
    setAccess: async (id, account, allowed, reason) => (await curation()).setAccess(BigInt(id), account, allowed, reason),
    async queue(id) {
      const { submissions } = await net(id)
      return Promise.all(
        submissions.map(async ({ number, author, documents, tokens, licence, verdict, reason, sentence }) => {
          const why = reason === 'none' ? null : (reason as RefusalReason)
          return { number, author, documents, tokens, licence: await licenceName(licence), verdict, reason: why, sentence }
        }),
      )
    },
    async submission(id, number, signal): Promise<SubmissionTexts> {
      const held = (await net(id)).submissions[number]!
      const documents = await (await wallet()).datanets.documents(held, signal)
      // Compared with what is here of this datanet; others are compared as far as they are on this machine.
      await ensure(id, signal)
      const { root, tokens, duplicates } = await (await tracer()).appraise(documents)
      const same = root === held.root && tokens === held.tokens && documents.length === held.documents
      return {
        documents: documents.map(({ facts, text }) => ({ ...facts, text })),
        fault: same ? null : faultOf(held.root, root),
        duplicates: duplicates.map(({ of, title, datanet, share }) => ({
          title: documents[of]!.facts.title,
          datanet,
          heldBy: title,
          share,
        })),
      }
    },
    accept: async (id, number) => (await curation()).accept(BigInt(id), number),
    refuse: async (id, number, reason, sentence) => (await curation()).refuse(BigInt(id), number, reason, sentence),
    retract: async (id, number) => (await curation()).retract(BigInt(id), number),
    withdraw: async (id, contribution) => (await curation()).withdraw(BigInt(id), contribution),
  }
}

/** Taken in, such texts could be indexed by nobody: every reader would refuse the datanet from there on. */
const faultOf = (expected: Hex, got: Hex) =>
  `The published texts hash to ${got.slice(0, 10)}…, the submission commits to ${expected.slice(0, 10)}…: they cannot be indexed.`
