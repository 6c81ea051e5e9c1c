// The engine without a page: Dawn, a file on disk and src/gpu in Node. Used by the commands, the benches and the tests that
// need the real model. Not a server. Dawn keeps Node's event loop alive, so a command ends with process.exit (scripts/run.mjs).
import { createHash } from 'node:crypto'
import { type FileHandle, open, readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import { create, globals } from 'webgpu'
import catalogue from '../public/catalogue.json'
import { asOpenChatError, OpenChatError } from '../src/errors.ts'
import { type Device, openDevice } from '../src/gpu/device.ts'
import { type EngineOptions, loadEngine } from '../src/gpu/engine.ts'
import { isFolderFile } from '../src/gpu/formats/hf-folder.ts'
import { modelSource } from '../src/gpu/formats/model-source.ts'
import { splitNames } from '../src/gpu/formats/split-gguf.ts'
import type { AdapterFiles, ByteSource, Engine } from '../src/gpu/types.ts'
import { paceDawn } from './dawn-pace.ts'
import { useSwiftshader } from './swiftshader.mjs'

/** Dawn does not keep its instance alive for the devices made from it: once collected, the next call crashes the process. */
let gpu: GPU | undefined

/** Dawn's WebGPU, on the machine's own driver or else on SwiftShader. */
export function openNodeGpu(): GPU {
  if (gpu !== undefined) return gpu
  // Before `create`: that is when Dawn looks for Vulkan.
  useSwiftshader()
  paceDawn()
  Object.assign(globalThis, globals)
  gpu = create([])
  return gpu
}

/** @throws file_missing */
async function openPath(path: string, what: string): Promise<FileHandle> {
  return open(path).catch((cause) => {
    throw missing(path, what, cause)
  })
}

function missing(path: string, what: string, cause: unknown): OpenChatError {
  return new OpenChatError('file_missing', `There is no ${what} at ${path}.`, { meta: { path }, action: 'Check the path.', cause })
}

export interface FileSource extends ByteSource {
  close(): Promise<void>
}

/** A device on {@link openNodeGpu}; where the machine's own driver gives none, on SwiftShader. @throws gpu_unavailable */
async function openNodeDevice(): Promise<Device> {
  try {
    return await openDevice(openNodeGpu())
  } catch (error) {
    if (asOpenChatError(error).code !== 'gpu_unavailable') throw error
    useSwiftshader({ despiteGpu: true })
    gpu = create([])
    return openDevice(gpu)
  }
}

/** Where the default model lies: OPEN_CHAT_MODEL, or the folder that set-up fills. */
export function defaultModelPath(): string {
  const model = catalogue.models[0]
  return process.env.OPEN_CHAT_MODEL ?? join(process.env.OPEN_CHAT_STATE ?? '.open-chat', 'models', `${model.sha256}.gguf`)
}

/** A file of this machine as a ByteSource. @throws file_missing */
export async function openFile(path: string, what = 'model file'): Promise<FileSource> {
  const file = await openPath(path, what)
  const { size } = await file.stat()
  return {
    bytes: size,
    async read(offset, length) {
      const bytes = new Uint8Array(length)
      for (let got = 0; got < length; ) {
        const { bytesRead } = await file.read(bytes, got, length - got, offset + got)
        if (bytesRead === 0) {
          throw new OpenChatError('file_truncated', `${path} ends before byte ${offset + length}.`, {
            meta: { offset, length, bytes: size },
            action: 'Fetch the file again.',
          })
        }
        got += bytesRead
      }
      return bytes
    },
    close: () => file.close(),
  }
}

/**
 * A model as one GGUF file: of a file, of a splitting by any of its parts, or of a folder as transformers keeps it.
 * @throws file_missing, and what `modelSource` throws
 */
export async function openModel(path: string): Promise<FileSource> {
  const isFolder = (await stat(path).catch(() => null))?.isDirectory() === true
  const parts = splitNames(basename(path))
  if (!isFolder && parts === null) return openFile(path)
  const folder = isFolder ? path : dirname(path)
  const here = await readdir(folder)
  const wanted = parts ?? here.filter((name) => isFolderFile(name) || /\.gguf$/i.test(name))
  const files: { name: string; source: FileSource }[] = []
  const close = async () => void (await Promise.all(files.map(({ source }) => source.close())))
  try {
    for (const name of wanted) if (here.includes(name)) files.push({ name, source: await openFile(join(folder, name)) })
    const { bytes, read } = await modelSource(files, basename(path))
    return { bytes, read, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** sha256 of a file, hex: what an adapter may name its base by; of several files, that of the one they make. @throws file_missing */
export async function fileDigest(path: string): Promise<string> {
  if (splitNames(basename(path)) !== null || (await stat(path).catch(() => null))?.isDirectory() === true) return sourceDigest(path)
  const file = await openPath(path, 'model file')
  const hash = createHash('sha256')
  for await (const piece of file.createReadStream({ highWaterMark: 1 << 20 })) hash.update(piece)
  return hash.digest('hex')
}

async function sourceDigest(path: string): Promise<string> {
  const source = await openModel(path)
  const hash = createHash('sha256')
  for (let at = 0; at < source.bytes; at += 1 << 22) hash.update(await source.read(at, Math.min(1 << 22, source.bytes - at)))
  await source.close()
  return hash.digest('hex')
}

/** The two files of a PEFT folder. @throws file_missing */
export async function readAdapterFolder(folder: string): Promise<AdapterFiles> {
  const read = (name: string) =>
    readFile(join(folder, name)).catch((cause) => {
      throw missing(join(folder, name), 'adapter file', cause)
    })
  const [config, weights] = [await read('adapter_config.json'), await read('adapter_model.safetensors')]
  return { config: config.toString('utf8'), weights: new Uint8Array(weights) }
}

export interface OpenedEngine {
  engine: Engine
  source: FileSource
  close(): Promise<void>
}

/**
 * @param path as for {@link openModel}
 * @example const { engine, close } = await openNodeEngine('model.gguf'); engine.complete({ prompt: 'Hi', maxTokens: 8, temperature: 0 })
 * @throws file_missing, gpu_unavailable, and what `loadEngine` throws
 */
export async function openNodeEngine(
  path: string,
  options: Pick<EngineOptions, 'contextTokens' | 'signal' | 'precision' | 'prefillVariant'> = {},
): Promise<OpenedEngine> {
  const source = await openModel(path)
  const device = await openNodeDevice()
  const engine = await loadEngine({ device, source, ...options })
  return {
    engine,
    source,
    async close() {
      engine.dispose()
      device.destroy()
      await source.close()
    },
  }
}
