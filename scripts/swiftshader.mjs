// Where Node finds a Vulkan to run WebGPU on when the machine has no GPU: SwiftShader, which every Chromium carries.
// Not a driver and not a download. On macOS and Windows, and where a GPU's device file exists, nothing is changed: Dawn then
// finds the system's own driver. OPEN_CHAT_SWIFTSHADER (its JSON file or folder) decides over everything else.
import { existsSync, readdirSync, statSync } from 'node:fs'
import { constants, homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'

const manifest = 'vk_swiftshader_icd.json'
const loader = 'libvulkan.so.1'

function chromiumFolders() {
  const cache = join(homedir(), '.cache', 'ms-playwright')
  const cached = existsSync(cache) ? readdirSync(cache).filter((entry) => entry.startsWith('chromium')) : []
  return [
    process.env.OPEN_CHAT_CHROMIUM && dirname(process.env.OPEN_CHAT_CHROMIUM),
    '/usr/lib/chromium',
    '/usr/lib/chromium-browser',
    '/usr/lib64/chromium-browser',
    '/opt/google/chrome',
    '/opt/chromium.org/chromium',
    '/snap/chromium/current/usr/lib/chromium-browser',
    ...cached
      .sort()
      .reverse()
      .flatMap((entry) => readdirSync(join(cache, entry)).map((folder) => join(cache, entry, folder))),
  ].filter(Boolean)
}

function findManifest() {
  const named = process.env.OPEN_CHAT_SWIFTSHADER
  if (named) return existsSync(named) && statSync(named).isDirectory() ? join(named, manifest) : named
  return chromiumFolders()
    .map((folder) => join(folder, manifest))
    .find((path) => existsSync(path))
}

function hasGpu() {
  const nodes = existsSync('/dev/dri') ? readdirSync('/dev/dri') : []
  return existsSync('/dev/nvidia0') || existsSync('/dev/dxg') || nodes.some((node) => node.startsWith('renderD'))
}

/**
 * What to add to the environment so that Dawn runs on SwiftShader; empty where the system's own driver serves, where the
 * caller has chosen one, or where no Chromium is installed.
 * @param {{ despiteGpu?: boolean }} [options] despiteGpu: also where a GPU's device file exists, for when its driver does not work
 * @returns {Record<string, string>}
 */
export function swiftshaderEnvironment({ despiteGpu = false } = {}) {
  if (process.platform !== 'linux') return {}
  if (process.env.VK_ICD_FILENAMES || process.env.VK_DRIVER_FILES) return {}
  if (!process.env.OPEN_CHAT_SWIFTSHADER && !despiteGpu && hasGpu()) return {}
  const path = findManifest()
  return path === undefined ? {} : { VK_ICD_FILENAMES: path }
}

/**
 * Sets {@link swiftshaderEnvironment} in this process, before Dawn is loaded. A machine without Vulkan lacks the loader as
 * well; Chromium's own is then loaded to stay, so that Dawn's dlopen by name finds it.
 * @param {{ despiteGpu?: boolean }} [options]
 */
export function useSwiftshader(options) {
  Object.assign(process.env, swiftshaderEnvironment(options))
  // Without it the driver writes a line about its absence to stderr, twice.
  process.env.XDG_RUNTIME_DIR ??= tmpdir()
  const driver = process.env.VK_ICD_FILENAMES
  if (process.platform !== 'linux' || driver === undefined || systemHasLoader()) return
  const path = join(dirname(driver), loader)
  if (!existsSync(path)) return
  const stay = 0x1000 // RTLD_NODELETE of glibc
  try {
    process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL | stay)
  } catch (error) {
    // Node expects an addon and says so after loading; anything else means that the library is not there to be used.
    if (!/did not self-register/.test(String(error))) throw error
  }
}

function systemHasLoader() {
  const folders = ['/usr/lib', '/usr/lib64', '/lib', '/usr/local/lib', ...(process.env.LD_LIBRARY_PATH ?? '').split(':').filter(Boolean)]
  const triples = ['', 'x86_64-linux-gnu', 'aarch64-linux-gnu']
  return folders.some((folder) => triples.some((triple) => existsSync(join(folder, triple, loader))))
}
