// Words of the engines. See strings.ts.
export const engine = {
  engine: {
    checking: 'Looking for the model on this machine',
    downloading: (have: string, all: string) => `Downloading the model: ${have} of ${all}`,
    rate: (rate: string, left: string) => (left === '' ? `${rate}/s` : `${rate}/s, about ${left} left`),
    paused: (have: string, all: string) => `Download paused at ${have} of ${all}`,
    absent: (all: string) => `The model is not here yet (${all})`,
    absentFrom: (name: string, all: string, host: string) =>
      `${name} needs a download of its own: about ${all}, from ${host}. Nothing is fetched before you say so.`,
    loading: (stage: string) => `Preparing the model: ${stage}`,
    ready: (gpu: string, software: boolean) => `Ready on ${gpu}${software ? ' (software, slow)' : ''}`,
    arrived: (name: string) => `${name} is here and ready to answer.`,
    cancel: 'Pause download',
    resume: 'Resume download',
    progress: 'Model download',
    hashing: 'checking what is here',
    opening: 'opening',
    toGpu: 'weights to the GPU',
    toProcessor: 'weights to the processor',
    recovering: 'taking the GPU up again',
    otherTab: 'The engine runs in another tab of this page.',
    waiting: 'Waiting for the tab that runs the engine.',
    processor: (threads: number) => (threads === 1 ? 'the processor, 1 thread' : `the processor, ${threads} threads`),
    recovered: 'The GPU was lost once and taken up again; the answer went on where it was.',
    softwareAdapter: (gpu: string) => `WebGPU is computed by the processor here (${gpu}), without a graphics card.`,
    smallerContext: (got: number, wanted: number) => `The context is ${got} tokens instead of ${wanted}: there was not enough GPU memory.`,
    kernelDemoted: (kernel: string) =>
      `This GPU computes ${kernel} wrongly or not at all in its fast form; a slower one is used, and was checked against the processor.`,
    details: {
      local: 'On your graphics card, in this page, with the adapters of the datanets.',
      software: 'In this page, by WebGPU on your processor: slow, with the adapters of the datanets.',
      cpu: 'On your processor, in this page: slower, without adapters.',
      'web-llm': (size: string, host: string) =>
        `On your graphics card, by web-llm, without adapters. Its model is a download of its own: about ${size}, from ${host}.`,
      remote: (host: string) => `Your question, its sources and the conversation leave this machine and go to ${host}.`,
    },
    proposeNoGpu: (bytes: string) =>
      bytes === ''
        ? 'The same model can run on your processor instead: slower, and nothing more is downloaded.'
        : `The same model can run on your processor instead: slower. It downloads ${bytes}, once.`,
    proposeSoftware:
      'There is no graphics card here that WebGPU can use. On the processor itself the same model is usually quicker, without adapters.',
    accept: 'Use the processor',
  },
  endpoints: {
    title: 'Remote engines',
    lead: 'Any OpenAI-compatible endpoint can answer instead of the model in this page: vLLM, llama.cpp, Ollama, a hosted service.',
    leaves: (host: string) =>
      `What you ask it leaves this machine: your question, the sources read for it and the conversation go to ${host}.`,
    anywhere: 'the endpoint',
    url: 'Address',
    urlHint: 'https://host.example/v1',
    key: 'Key',
    keyHint: 'Empty if it needs none.',
    list: 'List its models',
    model: 'Model',
    keep: 'Keep the key',
    keepEncrypted: 'Encrypted in this browser',
    keepMemory: 'Only until this page is closed',
    add: 'Add this engine',
    use: (name: string) => `Answer with ${name}`,
    useShort: 'Use',
    removeShort: 'Remove',
    used: 'Answers now',
    remove: (name: string) => `Remove ${name}`,
    none: 'No remote engine yet.',
    instead: 'Ask a remote engine instead',
  },
}
