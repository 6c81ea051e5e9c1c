// The one error class of Open Chat, and its form on the wire. A leaf: it imports nothing.
// `code` is snake_case and the slug of a page in docs/errors. The message says what, got, expected, fix.
// Comlink keeps only message, name and stack, so workers/codec.ts carries `ErrorWire` across instead.

export interface ErrorDetails {
  /** Facts a program may use: names, numbers, digests. Must survive structured clone and JSON. */
  meta?: Record<string, string | number | boolean | null>
  /** One thing the person can do next, as an imperative sentence. */
  action?: string
  cause?: unknown
}

export class OpenChatError extends Error {
  override readonly name = 'OpenChatError'
  readonly code: string
  readonly shortMessage: string
  readonly meta: Record<string, string | number | boolean | null>
  readonly action: string | undefined

  /** @param shortMessage one sentence: what, got, expected. */
  constructor(code: string, shortMessage: string, details: ErrorDetails = {}) {
    super(details.action ? `${shortMessage} ${details.action}` : shortMessage, { cause: details.cause })
    this.code = code
    this.shortMessage = shortMessage
    this.meta = details.meta ?? {}
    this.action = details.action
  }

  get docsPath(): string {
    return `docs/errors/${this.code}.md`
  }
}

export interface ErrorWire {
  code: string
  shortMessage: string
  meta: Record<string, string | number | boolean | null>
  action?: string
  stack?: string
  cause?: ErrorWire
}

/** Anything thrown, as plain data. Foreign errors become `internal_error`, cancellation `cancelled`. */
export function toWire(error: unknown): ErrorWire {
  const wire: ErrorWire = { code: 'internal_error', shortMessage: String(error), meta: {} }
  if (error instanceof Error) {
    if (error.name === 'AbortError') wire.code = 'cancelled'
    wire.shortMessage = error.message
    if (error.stack !== undefined) wire.stack = error.stack
    if (error.cause !== undefined) wire.cause = toWire(error.cause)
  }
  if (error instanceof OpenChatError) {
    wire.code = error.code
    wire.shortMessage = error.shortMessage
    wire.meta = error.meta
    if (error.action !== undefined) wire.action = error.action
  }
  return wire
}

/** The inverse of {@link toWire}, for typed errors exactly. */
export function fromWire(wire: ErrorWire): OpenChatError {
  const error = new OpenChatError(wire.code, wire.shortMessage, {
    meta: wire.meta,
    ...(wire.action === undefined ? {} : { action: wire.action }),
    ...(wire.cause === undefined ? {} : { cause: fromWire(wire.cause) }),
  })
  if (wire.stack !== undefined) error.stack = wire.stack
  return error
}

/** The typed form of anything caught: itself when it is ours, else wrapped with its cause. */
export function asOpenChatError(error: unknown): OpenChatError {
  return error instanceof OpenChatError ? error : fromWire(toWire(error))
}
