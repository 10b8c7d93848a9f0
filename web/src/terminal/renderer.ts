import { WebglAddon } from '@xterm/addon-webgl'
import type { Terminal } from '@xterm/xterm'
import { stored } from '../app/stored'

/**
 * Draws the terminal on the graphics card where there is a real one. Without it,
 * or when the card gives up, xterm.js goes on with plain elements. The
 * preference "renderer" set to "dom" asks for those from the start.
 */
export function accelerate(terminal: Terminal): void {
  if (stored('renderer') === 'dom' || !hasGraphicsCard()) return
  const addon = new WebglAddon()
  addon.onContextLoss(() => addon.dispose())
  try {
    terminal.loadAddon(addon)
  } catch {
    addon.dispose()
  }
}

const software = /swiftshader|llvmpipe|softpipe|software|basic render/i

let known: boolean | undefined

/** WebGL in software is slower than elements, so that counts as none. */
function hasGraphicsCard(): boolean {
  if (known !== undefined) return known
  const context = document.createElement('canvas').getContext('webgl2', { failIfMajorPerformanceCaveat: true })
  known = context !== null && !software.test(rendererOf(context))
  context?.getExtension('WEBGL_lose_context')?.loseContext()
  return known
}

function rendererOf(context: WebGL2RenderingContext): string {
  const info = context.getExtension('WEBGL_debug_renderer_info')
  const name: unknown = context.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : context.RENDERER)
  return typeof name === 'string' ? name : ''
}
