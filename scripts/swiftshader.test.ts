import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { swiftshaderEnvironment } from './swiftshader.mjs'

const names = ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'OPEN_CHAT_SWIFTSHADER', 'OPEN_CHAT_CHROMIUM']
const before = new Map(names.map((name) => [name, process.env[name]]))
const linux = process.platform === 'linux'
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'swiftshader-'))
  for (const name of names) delete process.env[name]
})
afterEach(() => {
  rmSync(folder, { recursive: true })
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
})

it('takes the driver that OPEN_CHAT_SWIFTSHADER names, as a file or by its folder', () => {
  const manifest = join(folder, 'vk_swiftshader_icd.json')
  for (const named of [manifest, folder]) {
    process.env.OPEN_CHAT_SWIFTSHADER = named
    expect(swiftshaderEnvironment()).toEqual(linux ? { VK_ICD_FILENAMES: manifest } : {})
  }
})

it('finds the driver beside the Chromium it is told of', () => {
  const manifest = join(folder, 'vk_swiftshader_icd.json')
  writeFileSync(manifest, '{}')
  process.env.OPEN_CHAT_CHROMIUM = join(folder, 'chrome')
  expect(swiftshaderEnvironment({ despiteGpu: true })).toEqual(linux ? { VK_ICD_FILENAMES: manifest } : {})
})

it('leaves a driver alone that was chosen already', () => {
  process.env.OPEN_CHAT_SWIFTSHADER = folder
  process.env.VK_ICD_FILENAMES = 'chosen.json'
  expect(swiftshaderEnvironment()).toEqual({})
})
