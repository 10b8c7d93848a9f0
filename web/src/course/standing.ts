import type { Course, LabSummary, Module } from '../api/types'

export interface Standing {
  labs: number
  finished: number
  steps: number
  completed: number
  /** Of the labs that are not finished. */
  minutesLeft: number
}

/** How far a person is in a whole course. */
export function totals(course: Course): Standing {
  const labs = course.modules.flatMap((module) => module.labs)
  return {
    labs: labs.length,
    finished: labs.filter((lab) => lab.finishedAt).length,
    steps: sum(labs, (lab) => lab.steps),
    completed: sum(labs, (lab) => lab.completedSteps),
    minutesLeft: sum(labs, (lab) => (lab.finishedAt ? 0 : lab.minutes)),
  }
}

/** How far a person is in one module. */
export function moduleSteps(module: Module): { done: number; total: number } {
  return { done: sum(module.labs, (lab) => lab.completedSteps), total: sum(module.labs, (lab) => lab.steps) }
}

/** Whether a lab's session goes on, or can. */
export function isLive(lab: LabSummary): boolean {
  return lab.session !== null && lab.session.phase !== 'Failed'
}

export interface Next {
  kind: 'start' | 'live' | 'continue'
  lab: LabSummary
  module: string
}

/**
 * Where to go on: the lab that is open and unfinished, else the first one begun,
 * else the first one that is not finished. Null when all are.
 */
export function nextLab(course: Course): Next | null {
  const all = course.modules.flatMap((module) => module.labs.map((lab) => ({ lab, module: module.name })))
  const live = all.find(({ lab }) => isLive(lab) && !lab.finishedAt)
  if (live) return { kind: 'live', ...live }
  const begun = all.find(({ lab }) => lab.completedSteps > 0 && !lab.finishedAt)
  if (begun) return { kind: 'continue', ...begun }
  const fresh = all.find(({ lab }) => !lab.finishedAt)
  if (!fresh) return null
  return { kind: all.some(({ lab }) => lab.finishedAt) ? 'continue' : 'start', ...fresh }
}

function sum<T>(list: T[], of: (item: T) => number): number {
  return list.reduce((total, item) => total + of(item), 0)
}
