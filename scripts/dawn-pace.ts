// Lets the processor rest while Dawn waits. Dawn for Node (webgpu 0.6.2) polls its queue from `setImmediate`, that is without a
// pause, for as long as anything is pending: on SwiftShader the polling takes one core from the shaders.
// Measured on two cores, default model: decode 0.43 → 0.27 CPU s a token, prefill 0.24 → 0.14 (2026-11).
// Only callbacks made in native code are slowed, to one poll a millisecond; everybody else's setImmediate is untouched.
// Can be deleted once Dawn's binding waits on its own (crbug.com/dawn/1127).
const nativeCode = /\{\s*\[native code\]\s*\}\s*$/
let paced = false

/** Idempotent; before Dawn's `create`. */
export function paceDawn(): void {
  if (paced) return
  paced = true
  const immediate = globalThis.setImmediate
  const pacing = (callback: (...args: unknown[]) => void, ...args: unknown[]) =>
    nativeCode.test(Function.prototype.toString.call(callback)) ? setTimeout(callback, 1, ...args) : immediate(callback, ...args)
  globalThis.setImmediate = Object.assign(pacing, immediate) as unknown as typeof setImmediate
}
