// A small course with the HTML that the real server renders from Markdown.

const pre = (/** @type {string} */ code) => {
  const lines = code.split('\n')
  return `<pre data-run="${lines.length > 1 ? lines.map(() => 1).join(' ') : ''}"><code class="language-bash">${code}\n</code></pre>`
}

/** @typedef {{name: string, title: string, pending?: string, wrong?: string, missing: string, question?: {options: string[]}, right?: string}} MockCheck */
/** @typedef {{name: string, title: string, points: number, instructions: string, hints: string[], checks: MockCheck[]}} MockStep */
/** @typedef {{name: string, title: string, summary: string, minutes: number, intro: string, steps: MockStep[]}} MockLab */
/** @typedef {{name: string, title: string, summary: string, labs: MockLab[]}} MockModule */

/** @type {MockStep[]} */
const deploymentSteps = [
  {
    name: 'create',
    title: 'Create the deployment',
    points: 2,
    instructions: `<p>A <em>Deployment</em> keeps a number of equal Pods running. Create one named <code>web</code> with three replicas:</p>
${pre('kubectl create deployment web --image=nginx:1.27 --replicas=3')}
<p>Watch it come up with <code data-run>kubectl get pods --watch</code>; Ctrl+C leaves.</p>`,
    hints: [
      '<p><code data-run>kubectl create deployment --help</code> shows the flags.</p>',
      `<p>The whole command:</p>${pre('kubectl create deployment web --image=nginx:1.27 --replicas=3')}`,
    ],
    checks: [
      { name: 'exists', title: 'Deployment web exists', missing: 'There is no Deployment named web in namespace default.' },
      {
        name: 'replicas',
        title: 'Three replicas are ready',
        missing: 'There is no Deployment named web in namespace default.',
        pending: '1 of 3 replicas is ready; the other pods are still starting.',
        wrong: 'The deployment asks for 2 replicas; it should ask for 3.',
      },
    ],
  },
  {
    name: 'self-heal',
    title: 'Delete a pod and watch it come back',
    points: 1,
    instructions: `<p>Pods of a Deployment are cattle. Delete one, and look again:</p>
${pre('kubectl delete pod -l app=web --wait=false\nkubectl get pods')}
<p>The <a href="https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/" target="_blank" rel="noopener noreferrer">ReplicaSet</a> has made a new one with another name:</p>
<pre>NAME                   READY   STATUS              RESTARTS   AGE
web-6d4cf56db6-4xk2p   0/1     ContainerCreating   0          1s
web-6d4cf56db6-9qv7c   1/1     Running             0          2m
</pre>`,
    hints: ['<p>Any pod of the three will do.</p>'],
    checks: [{ name: 'young', title: 'A pod is younger than the deployment', missing: 'All pods are as old as their deployment: none was replaced yet.' }],
  },
  {
    name: 'expose',
    title: 'See it in the browser',
    points: 1,
    instructions: `<p>A Service gives the pods one address. Write it as YAML:</p>
<pre data-copy><code class="language-yaml">apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {app: web}
  ports:
  - port: 80
</code></pre>
<p>Apply it, then open <a href="#" data-app="default/web:80">the application</a>.</p>
<table><thead><tr><th>Field</th><th>What it says</th></tr></thead><tbody><tr><td><code>selector</code></td><td>whose pods</td></tr><tr><td><code>port</code></td><td>where it listens</td></tr></tbody></table>`,
    hints: [],
    checks: [
      { name: 'service', title: 'Service web selects the pods', missing: 'There is no Service named web in namespace default; there is one in namespace kube-public.' },
      { name: 'answers', title: 'It answers on port 80', missing: 'There is no Service named web in namespace default.' },
    ],
  },
  {
    name: 'scale',
    title: 'Scale to five',
    points: 2,
    instructions: `<p>More of the same:</p>${pre('kubectl scale deployment web --replicas=5')}<blockquote><p>Scaling is a change of one number. The controllers do the rest.</p></blockquote>`,
    hints: ['<p>Or edit it: <code data-run>kubectl edit deployment web</code></p>'],
    checks: [{ name: 'five', title: 'Five replicas are ready', missing: 'The deployment asks for 3 replicas; it should ask for 5.' }],
  },
]

const intro = `<p>Pods by themselves are mortal: when a node dies, they are gone. In this lab you let Kubernetes keep
a <strong>number</strong> of them alive, and change that number while they run.</p>
<p>You need what you learned in <em>kubectl run</em>. Everything happens in namespace <code>default</code>.</p>`

/** @returns {MockStep[]} */
function steps(/** @type {number} */ n) {
  return Array.from({ length: n }, (_, i) => ({
    name: `part-${i + 1}`,
    title: ['Look around', 'Make something', 'Change it', 'Clean up'][i % 4] ?? '',
    points: 1,
    instructions: `<p>Do it:</p>${pre('kubectl get nodes')}`,
    hints: [],
    checks: [{ name: 'done', title: 'It is done', missing: 'Nothing to see yet.' }],
  }))
}

/** @returns {MockLab} */
function lab(/** @type {string} */ name, /** @type {string} */ title, /** @type {string} */ summary, /** @type {number} */ minutes, /** @type {number} */ n) {
  return { name, title, summary, minutes, intro, steps: steps(n) }
}

/** A lab whose first step asks something. */
function asking(/** @type {MockLab} */ of) {
  of.steps[0]?.checks.push({
    name: 'kind',
    title: 'Which of these is a kind of object?',
    missing: 'That is a program.',
    question: { options: ['kubelet', 'Service', 'etcd'] },
    right: 'Service',
  })
  return of
}

/** @type {MockModule[]} */
export const modules = [
  {
    name: 'welcome',
    title: 'Welcome',
    summary: 'Find your way around, and see something of your own run.',
    labs: [
      lab('connect', 'Connect to the lab', 'A terminal, a cluster, and what kubectl says about both.', 10, 3),
      lab('intro-app', 'The intro app', 'Write who you are into a small web page, deploy it, see it in the browser.', 15, 4),
    ],
  },
  {
    name: 'quick-start',
    title: 'Quick start',
    summary: 'One container, and how to get inside it.',
    labs: [
      lab('kubectl-run', 'kubectl run', 'Start a single pod, read its logs, and take it away again.', 15, 4),
      lab('kubectl-exec', 'kubectl exec', 'Run commands inside a container, and copy files in and out.', 15, 3),
    ],
  },
  {
    name: 'deployments-exposed',
    title: 'Deployments, exposed',
    summary: 'Many equal pods, kept alive and found under one name.',
    labs: [
      {
        name: 'deployments',
        title: 'Deployments',
        summary: 'Replicas, ReplicaSets and self-healing.',
        minutes: 20,
        intro,
        steps: deploymentSteps,
      },
      asking(lab('cluster-ip', 'ClusterIP', 'One stable address inside the cluster for pods that come and go.', 20, 4)),
    ],
  },
]

export const allLabs = modules.flatMap((module) => module.labs.map((item) => ({ ...item, module: module.name })))

export const labOf = (/** @type {string} */ name) => allLabs.find((item) => item.name === name)
