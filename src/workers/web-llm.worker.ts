// The worker that runs web-llm. What it does is engines/web-llm.ts; it exists so that 6 MB and their work stay off the page.
import { MLCEngine } from '@mlc-ai/web-llm'
import { WebLlmEngine } from '../engines/web-llm.ts'
import { expose } from './rpc.ts'

expose(new WebLlmEngine(new MLCEngine()))
