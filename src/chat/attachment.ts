// A text that goes with a question: read from a file, put before the question's words, named on the message. Not a
// contribution: it stays on this machine, is never indexed and never paid.
// Invariant: the model sees exactly `withAttachments`, and the context meter counts the same words.

export interface Attachment {
  name: string
  text: string
}

/** The question as the model reads it. @example withAttachments('Why?', []) // 'Why?' */
export function withAttachments(question: string, attachments: readonly Attachment[] = []): string {
  return [...attachments.map(({ name, text }) => `${name}:\n${text.trim()}`), question].join('\n\n')
}
