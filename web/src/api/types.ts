// The JSON of the server's API, as /api/openapi.yaml describes it. Times are
// RFC 3339 in UTC.

export type Mode = 'learn' | 'serve'
export type Role = 'Student' | 'Instructor'

export interface User {
  id: string
  name: string
  role: Role
}

export interface Me {
  mode: Mode
  version: string
  user: User | null
  /** True while there is no instructor yet: the first one's link is still good. */
  bootstrap: boolean
}

export type Phase = 'Pending' | 'Ready' | 'Failed' | 'Ended'

export interface Course {
  name: string
  title: string
  summary: string
  modules: Module[]
}

export interface Module {
  name: string
  title: string
  summary: string
  labs: LabSummary[]
}

export interface LabSummary {
  name: string
  title: string
  summary: string
  minutes: number
  /** How many steps the lab has. */
  steps: number
  points: number
  /** That the caller has of them. */
  earnedPoints: number
  completedSteps: number
  finishedAt: string | null
  /** The newest session at this lab, while it is live or when it has failed. */
  session: { id: string; phase: Phase } | null
}

export interface Lab {
  name: string
  title: string
  summary: string
  minutes: number
  module: string
  /** HTML, rendered and sanitised by the server. */
  intro: string
  steps: LabStep[]
  /** The name of the lab that comes after this one. */
  next: string | null
}

export interface LabStep {
  name: string
  title: string
  points: number
  /** HTML, rendered and sanitised by the server. */
  instructions: string
  /** Their texts come with the session, once they are taken; each costs so many points. */
  hints: { cost: number }[]
  /** Points are what a check counts by itself, of its step's. */
  checks: { name: string; title: string; points?: number; question?: Question }[]
}

/** What a check's title asks the student. */
export interface Question {
  /** To choose from; the answer is typed where there are none. */
  options: string[]
}

export type Status = 'True' | 'False' | 'Unknown'

export interface Check {
  name: string
  status: Status
  /** CamelCase; NotEvaluated before the check first ran. */
  reason: string
  message: string
  /** What was asked for and what is there, where that can be told; found is of object. */
  wanted?: string
  found?: string
  object?: string
  /** A sentence: the slip that was most likely made. */
  hint?: string
  /** Options of a question that were chosen and wrong; each costs points. */
  tried?: string[]
  /** Not yet, rather than wrong: the student has only to wait. */
  pending: boolean
  at: string | null
}

export interface StepState {
  name: string
  completedAt: string | null
  /** That the student has of it. */
  points: number
  /** HTML, rendered and sanitised by the server: the hints that were taken, in their order. */
  hints: string[]
  /** Points that the next hint costs, as the student's classes say now. */
  hintCost: number
  checks: Check[]
}

export interface ProgressPhase {
  name: string
  title: string
  state: 'waiting' | 'running' | 'done'
  /** How long it has run, or ran. */
  seconds: number
  /** How long it usually takes; 0 when nothing is known. */
  estimateSeconds: number
}

export interface Progress {
  /** In the line for a cluster: 1 is next, 0 is not waiting. */
  place: number
  /** null: not known. */
  remainingSeconds: number | null
  phases: ProgressPhase[]
}

export interface Session {
  id: string
  lab: string
  phase: Phase
  reason: string
  message: string
  createdAt: string
  readyAt: string | null
  finishedAt: string | null
  endedAt: string | null
  steps: StepState[]
  progress: Progress | null
  /** What the student broke of the way to their cluster. */
  faults: { type: string; message: string }[]
}

export interface Evidence {
  name: string
  text: string
}

export interface ResultCheck extends Check {
  evidence?: Evidence[]
}

/** A session with what each check looked at. */
export interface Results extends Omit<Session, 'steps'> {
  steps: (Omit<StepState, 'checks'> & { checks: ResultCheck[] })[]
}

export interface ClassSummary {
  id: string
  title: string
  /** What students join by; empty for a student. */
  code: string
  teaching: boolean
}

export interface ClassGrid {
  id: string
  title: string
  code: string
  /** Points that each hint costs; null is what each lab says. */
  hintCost: number | null
  labs: { name: string; title: string; points: number; steps: { name: string; title: string }[] }[]
  students: GridStudent[]
}

export interface GridStudent {
  id: string
  name: string
  online: boolean
  /** Those that the student ever opened. */
  labs: GridLab[]
}

export interface CellStep {
  name: string
  completedAt: string | null
  /** Of the worst of its results; empty before the first. */
  status: Status | ''
  reason: string
}

export interface GridLab {
  lab: string
  /** The newest. */
  session: string
  phase: Phase
  /** The session's: Resting while its cluster stands still, because no person looks at it. */
  reason: string
  points: number
  /** How many the student took. */
  hints: number
  steps: CellStep[]
}
