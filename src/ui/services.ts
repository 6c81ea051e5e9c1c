// Everything the page may ask of the rest of the house, as one interface: the page is written against it, ui/ports.ts
// fills it with workers and a wallet, ui/fakes with a few lines for tests and for work on looks.
// It is not the engine, the tracer or the ledger themselves (those are chat/ports.ts), and it holds no state of the page.
// Invariants: every failure is an OpenChatError; amounts are wei; every `subscribe` and `watch` calls back at once with
// the present value, then at each change, until the returned function is called.
import type { AnswerEvent, AnswerRequest } from '../chat/answer.ts'
import type { ContextFit } from '../chat/context.ts'
import type { ConversationStore } from '../chat/conversation.ts'
import type { DatanetService } from './services/datanets.ts'
import type { EngineService } from './services/engine.ts'
import type { IntakeService } from './services/intake.ts'
import type { KeyService } from './services/keys.ts'
import type { ModelsService } from './services/models.ts'
import type { ReceiptService } from './services/receipts.ts'
import type { WalletService } from './services/wallet.ts'

export type * from './services/datanets.ts'
export type * from './services/engine.ts'
export type * from './services/intake.ts'
export type * from './services/keys.ts'
export type * from './services/models.ts'
export type * from './services/receipts.ts'
export type * from './services/wallet.ts'

export interface Services {
  engine: EngineService
  models: ModelsService
  /**
   * One answer. The page waits for `engine` to be ready before it calls; cancelling is by the signal, and the events
   * still end with `traced`. Which adapter quotes from which datanet is the service's own knowledge. Several may run at
   * once; the local engine batches them.
   */
  ask(request: AskRequest, signal: AbortSignal): AsyncIterable<AnswerEvent>
  /** What the question would take of the context, without sending it. @throws question_too_long */
  measure(request: AskRequest): Promise<ContextFit>
  /** Words of a PDF in reading order, for an attachment; nothing is kept. @throws pdf_encrypted, pdf_scanned, pdf_too_hard … */
  pdfText(file: File, signal: AbortSignal): Promise<string>
  datanets: DatanetService
  intake: IntakeService
  receipts: ReceiptService
  wallet: WalletService
  keys: KeyService
  conversations: ConversationStore
}

export interface AskRequest extends Omit<AnswerRequest, 'quotingAdapters'> {
  /** Id of an engine choice; absent: the chosen one. */
  model?: string
}
