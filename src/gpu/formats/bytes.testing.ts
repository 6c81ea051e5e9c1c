// A ByteSource over bytes in memory, for tests. Strict: it throws when asked for what is not there, and counts what was read.
import { OpenChatError } from '../../errors.ts'
import type { ByteSource } from '../types.ts'

export function memorySource(file: Uint8Array): ByteSource & { largestRead: number } {
  const source = {
    bytes: file.length,
    largestRead: 0,
    async read(offset: number, length: number): Promise<Uint8Array> {
      if (offset + length > file.length) throw new OpenChatError('file_truncated', 'The test source was read past its end.')
      source.largestRead = Math.max(source.largestRead, length)
      return file.subarray(offset, offset + length)
    },
  }
  return source
}
