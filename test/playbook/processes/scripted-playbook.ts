import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileArtifactStore } from '../../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { onnxRuntime } from '../../../src/backends/onnx/onnx-runtime.ts';
import { playbookPlan } from '../../../src/features/define/playbook.ts';
import { Judge } from '../../../src/findings/judge.ts';
import { Playbook } from '../../../src/playbook/playbook.ts';
import { playbookWorld } from '../../../src/playbook/playbook-world.ts';
import type { IncidentPort } from '../../../src/ports/incident.ts';
import { registryVersions } from '../../../src/serving/rollout/rolled-versions.ts';
import { RolloutControl } from '../../../src/serving/rollout/rollout-control.ts';
import { httpHooks } from '../../../src/serving/rollout/rollout-hooks.ts';
import { openSqliteRegistry } from '../../../src/site/open-registry.ts';
import { readNumbers } from '../../../src/site/table-files.ts';
import { newVersion } from '../../../src/testing/contracts/model-registry.ts';
import { registeredIn } from '../../models/registered.ts';
import { playbookStore, rolloutStore } from '../../sql-stores.ts';
import { DAY_MS, observationAt, SCRIPT_DAYS, SCRIPT_START } from '../script.ts';
import { watchedProject } from '../watched-project.ts';

// A playbook over real stores whose monitors find what a script says. It ends itself, by SIGKILL, at the transition that it is asked for.
const [, , directory = '', killAt = '0'] = process.argv;
const { watched } = watchedProject({
  retrain: { cooldown: '1d', rows: 1, window: '10d' },
  approval: { before: ['rollout'], within: '2d', otherwise: 'approve' },
});
const plan = playbookPlan(watched);
if (plan === null) throw new Error('no plan');
const model = watched.name;
const registry = openSqliteRegistry(join(directory, 'registry.sqlite'));
const rollouts = rolloutStore(join(directory, 'rollouts.sqlite'));
const store = playbookStore(join(directory, 'playbooks.sqlite'));
const artifacts = new FileArtifactStore(join(directory, 'artifacts'));

const dayFile = join(directory, 'day');
let day = existsSync(dayFile) ? Number(readFileSync(dayFile, 'utf8')) : 0;
const clock = () => SCRIPT_START + day * DAY_MS;

const control = new RolloutControl({
  model: watched,
  store: rollouts,
  versions: registryVersions(registry, watched.name),
  hooks: httpHooks,
  check: async () => undefined,
  unloadable: () => null,
  outcomes: async () => ({
    canary: { predictions: 0, loss: { n: 0, mean: 0, m2: 0 } },
    baseline: { predictions: 0, loss: { n: 0, mean: 0, m2: 0 } },
  }),
  changed: async () => undefined,
  settled: async () => undefined,
  clock,
  monotonic: clock,
  newId: () => 'by-hand',
});

/** A receiver of incidents that writes each call down: the same call may come twice. */
const incidents: IncidentPort = {
  open: ({ fingerprint }) => {
    appendFileSync(join(directory, 'incidents.log'), `open ${fingerprint}\n`);
    return 'opened';
  },
  update: () => undefined,
  resolve: (fingerprint) => appendFileSync(join(directory, 'incidents.log'), `resolve ${fingerprint}\n`),
  active: () => [],
};

const world = playbookWorld({
  judge: new Judge(),
  model: watched,
  registry,
  rollouts,
  artifacts,
  registered: registeredIn({ registry, artifacts, runtime: onnxRuntime }),
  readNumbers,
  withHistory: () => Promise.reject(new Error('the script has no history')),
  train: ({ decision }) =>
    registry.register(newVersion(model, { lineage: { ...newVersion(model).lineage, decision }, createdAt: clock() })),
  writeSet: async () => 0,
  startRollout: async (id, version, decision) => {
    await control.start(version, decision, id);
  },
  rollBack: async (decision) => {
    await control.rollBack(decision);
  },
  folder: join(directory, 'playbook'),
  incidents,
  clock,
  metric: null,
  isPairing: async () => false,
});

let transitions = 0;
const playbook = new Playbook({
  model,
  plan,
  labelWithinMs: watched.label.withinMs,
  declaration: 'script',
  code: 'script',
  store,
  clock,
  onFault: (error) => {
    throw error;
  },
  actions: {
    ...world,
    observe: async () => observationAt(day, await registry.alias(model, 'champion'), await rollouts.newest(model)),
    gate: async () => ({ isPassed: true, reason: 'as the script says', slices: {} }),
    audit: async (id) => ({ rows: 0, path: id, digest: '' }),
  },
  transition: () => {
    transitions += 1;
    if (transitions === Number(killAt)) process.kill(process.pid, 'SIGKILL');
  },
});

if ((await registry.alias(model, 'champion')) === null) {
  if ((await registry.versions(model)).length === 0) await registry.register(newVersion(model));
  await registry.moveAlias(model, 'champion', { expected: null, to: 1, at: 0 });
}
for (; day < SCRIPT_DAYS; ) {
  await playbook.step({ wait: true });
  await serve();
  writeFileSync(`${dayFile}.new`, String(day + 1));
  renameSync(`${dayFile}.new`, dayFile);
  day += 1;
}
console.log(String(transitions));
store.close();
rollouts.close();
await registry.close();

/** What processes that serve do in a day: promote out of the canary, and end the soak of a version that nobody rolled back. */
async function serve(): Promise<void> {
  const active = await control.active();
  if (active === null || active.since === clock()) return;
  if (active.state === 'shadow' || active.state === 'canary') await control.promote({ by: 'judge', reason: 'script' });
  else if (active.state === 'soaking') await control.look();
}
