// Every word of the page that is not somebody's own, in one place, ready for translation: one file a room. Those of the rooms that
// are entered later (datanets, models, ledger, settings) are not gathered here: they arrive with their room. Sentences with
// values are functions of them. Errors are not here: OpenChatError carries its sentence and its action.
import { ask } from './strings/ask.ts'
import { chat } from './strings/chat.ts'
import { engine } from './strings/engine.ts'
import { frame } from './strings/frame.ts'
import { ledger } from './strings/ledger.ts'

export const strings = { ...ask, ...chat, ...engine, ...frame, ...ledger }
