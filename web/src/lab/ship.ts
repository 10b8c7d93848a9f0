import type { ProgressPhase } from '../api/types'

/** The parts of the drawing, each a part of a cluster. */
export type Part = 'hull' | 'wheel' | 'rigging' | 'hold' | 'boats' | 'cargo' | 'flag' | 'gangway'

export type PartState = ProgressPhase['state'] | 'absent'

const phaseOf: Record<Part, RegExp> = {
  hull: /node(s|image)$|image$|machine|container/i,
  wheel: /control/i,
  rigging: /network|cni/i,
  hold: /storage/i,
  boats: /worker/i,
  cargo: /^images$|load/i,
  flag: /ready|dns|wait/i,
  gangway: /setup|workstation$|lab/i,
}

/**
 * How far each part of the ship is, from the phases of the work. A part that no
 * phase speaks of was there before: a warm cluster is a whole ship. Only boats,
 * the worker nodes, are there for some ships alone.
 */
export function partsOf(phases: ProgressPhase[]): Record<Part, PartState> {
  const state = (part: Part): PartState => {
    const mine = phases.filter((phase) => belongs(phase.name, part))
    if (mine.length === 0) return part === 'boats' ? 'absent' : 'done'
    if (mine.every((phase) => phase.state === 'done')) return 'done'
    return mine.some((phase) => phase.state !== 'waiting') ? 'running' : 'waiting'
  }
  const parts = Object.keys(phaseOf) as Part[]
  return Object.fromEntries(parts.map((part) => [part, state(part)])) as Record<Part, PartState>
}

function belongs(name: string, part: Part): boolean {
  // "WorkstationImage" builds a machine; "Images" are what the machines carry.
  if (/^images$/i.test(name)) return part === 'cargo'
  if (/worker/i.test(name)) return part === 'boats'
  return phaseOf[part].test(name)
}
