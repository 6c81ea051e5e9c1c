export function swiftshaderEnvironment(): Record<string, string>
export function useSwiftshader(): void
