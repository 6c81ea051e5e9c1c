// What a kernel and a dispatch are, and the cache of pipelines and bind groups. Not the kernels themselves.
// A kernel's TypeScript twin turns typed arguments into a `Dispatch`; `Programs.prepare` turns dispatches into what a pass
// needs, once; a token then costs only setPipeline, setBindGroup and dispatchWorkgroups.
import { OpenChatError } from '../../errors.ts'

export type Binding = 'read' | 'write' | 'uniform'

export interface Kernel {
  /** With its variant, e.g. `project-qkv/q4/thread-8`: names the pipeline. */
  name: string
  /** WGSL, preludes first. */
  code: string
  /** Kinds of the bindings, by group. */
  groups: readonly (readonly Binding[])[]
}

/** What a submit is about: fed rows, and rows whose logits are wanted. */
export interface Counts {
  rows: number
  picks: number
}

export interface Dispatch {
  kernel: Kernel
  constants: Record<string, number>
  resources: readonly (readonly GPUBindingResource[])[]
  /** Workgroups. */
  grid(counts: Counts): readonly [x: number, y: number]
}

export interface Prepared {
  pipeline: GPUComputePipeline
  groups: readonly GPUBindGroup[]
  grid(counts: Counts): readonly [x: number, y: number]
}

interface Shared {
  module: GPUShaderModule
  groups: GPUBindGroupLayout[]
  layout: GPUPipelineLayout
}

const bufferType = { read: 'read-only-storage', write: 'storage', uniform: 'uniform' } as const

export class Programs {
  #device: GPUDevice
  #shared = new Map<string, Shared>()
  #pipelines = new Map<string, Promise<GPUComputePipeline>>()

  constructor(device: GPUDevice) {
    this.#device = device
  }

  /** Pipelines made so far. */
  get count(): number {
    return this.#pipelines.size
  }

  /** Whether {@link make} has begun with it, or a pass has. */
  has({ kernel, constants }: Dispatch): boolean {
    return this.#pipelines.has(pipelineKey(kernel, constants))
  }

  /** Makes a dispatch's pipeline and binds nothing, so that its buffers need not be there yet. @throws kernel_invalid */
  async make({ kernel, constants }: Dispatch): Promise<void> {
    await this.#pipeline(kernel, this.#share(kernel), constants)
  }

  /**
   * Makes what is missing; equal kernels with equal constants share a pipeline.
   * @throws kernel_invalid when the device refuses a kernel
   */
  prepare(dispatches: readonly Dispatch[]): Promise<Prepared[]> {
    return Promise.all(
      dispatches.map(async ({ kernel, constants, resources, grid }) => {
        const shared = this.#share(kernel)
        const pipeline = await this.#pipeline(kernel, shared, constants)
        const groups = resources.map((entries, index) =>
          this.#device.createBindGroup({
            label: kernel.name,
            layout: shared.groups[index],
            entries: entries.map((resource, binding) => ({ binding, resource })),
          }),
        )
        return { pipeline, groups, grid }
      }),
    )
  }

  #share(kernel: Kernel): Shared {
    const known = this.#shared.get(kernel.name)
    if (known) return known
    // A text that is refused makes its pipeline fail, which is told there: it is no fault of the device.
    this.#device.pushErrorScope('validation')
    const groups = kernel.groups.map((bindings) =>
      this.#device.createBindGroupLayout({
        label: kernel.name,
        entries: bindings.map((kind, binding) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type: bufferType[kind] } })),
      }),
    )
    const module = this.#device.createShaderModule({ label: kernel.name, code: kernel.code })
    const layout = this.#device.createPipelineLayout({ label: kernel.name, bindGroupLayouts: groups })
    this.#device.popErrorScope().catch(() => undefined)
    const shared = { module, groups, layout }
    this.#shared.set(kernel.name, shared)
    return shared
  }

  #pipeline(kernel: Kernel, shared: Shared, constants: Record<string, number>): Promise<GPUComputePipeline> {
    const key = pipelineKey(kernel, constants)
    const known = this.#pipelines.get(key)
    if (known) return known
    const made = this.#device
      .createComputePipelineAsync({ label: key, layout: shared.layout, compute: { module: shared.module, entryPoint: 'main', constants } })
      .catch(async (cause: unknown) => {
        const { messages } = await shared.module.getCompilationInfo()
        const said = messages.find(({ type }) => type === 'error')
        const where = said ? ` Line ${said.lineNum}: ${said.message}` : ''
        throw new OpenChatError('kernel_invalid', `This GPU refuses the kernel ${kernel.name}.${where}`, {
          meta: { kernel: kernel.name },
          action: 'Update the browser and the graphics driver.',
          cause,
        })
      })
    this.#pipelines.set(key, made)
    return made
  }
}

function pipelineKey(kernel: Kernel, constants: Record<string, number>): string {
  return `${kernel.name} ${JSON.stringify(constants)}`
}
