export function swiftshaderEnvironment(options?: { despiteGpu?: boolean }): Record<string, string>
export function useSwiftshader(options?: { despiteGpu?: boolean }): void
