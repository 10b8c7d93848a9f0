import { allLabs } from './course.js'

const names = [
  'Ada Lovelace', 'Alan Turing', 'Barbara Liskov', 'Dennis Ritchie', 'Edsger Dijkstra', 'Fran Allen', 'Grace Hopper', 'Hedy Lamarr',
  'Jean Sammet', 'Ken Thompson', 'Margaret Hamilton', 'Niklaus Wirth', 'Radia Perlman', 'Shafi Goldwasser', 'Tim Berners-Lee',
  'Maximiliane Wolkenstein-Hohenfels',
]

const at = '2026-01-05T10:00:00Z'

/** A class half way through its day. It changes a little with each tick. */
export function grid(/** @type {{id: string, title: string, code: string}} */ of, /** @type {boolean} */ empty, /** @type {number} */ tick) {
  return {
    hintCost: null,
    ...of,
    labs: allLabs.map(({ name, title, steps }) => ({ name, title, points: steps.reduce((sum, step) => sum + step.points, 0), steps: steps.map((step) => ({ name: step.name, title: step.title })) })),
    students: empty ? [] : names.map((name, row) => student(name, row, tick)),
  }
}

function standing(/** @type {number} */ ahead, /** @type {number} */ row) {
  if (ahead < 0) return { status: 'True', reason: 'Passed' }
  if (ahead === 1) return { status: 'False', reason: 'Pending' }
  if (ahead > 1) return row % 2 === 0 ? { status: 'False', reason: 'NotFound' } : { status: '', reason: '' }
  return row % 5 === 3 ? { status: 'Unknown', reason: 'ClusterUnreachable' } : { status: 'False', reason: 'Wrong' }
}

function student(/** @type {string} */ name, /** @type {number} */ row, /** @type {number} */ tick) {
  let budget = ((row * 7) % 17) + 2 + (row % 4 === 1 ? Math.floor(tick / 3) : 0)
  /** @type {object[]} */
  const labs = []
  for (const lab of allLabs) {
    if (budget <= 0) break
    labs.push({
      lab: lab.name,
      session: `s_class${String(row).padStart(4, '0')}${lab.name}`,
      phase: budget > lab.steps.length ? 'Ended' : row === 5 ? 'Failed' : 'Ready',
      reason: row === 8 ? 'Resting' : '',
      points: lab.steps.slice(0, budget).reduce((sum, step) => sum + step.points, 0),
      hints: (row * lab.steps.length) % 4,
      steps: lab.steps.map((step, i) => ({
        name: step.name,
        completedAt: i < budget ? at : null,
        ...standing(i - budget, row),
      })),
    })
    budget -= lab.steps.length
  }
  return { id: `u_${row}`, name, online: row % 3 !== 2, labs }
}
