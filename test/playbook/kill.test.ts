import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import { playbookStore, rolloutStore } from '../sql-stores.ts';

const root = mkdtempSync(join(tmpdir(), 'headrace-playbook-kill-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const program = fileURLToPath(new URL('processes/scripted-playbook.ts', import.meta.url));
let folders = 0;

/** Kills of this run; `HEADRACE_KILLS` asks for more. */
const KILLS = Number(process.env['HEADRACE_KILLS'] ?? 3);

/** Runs the script, killed at a transition; its transitions, or null: it was killed. */
async function run(directory: string, killAt: number): Promise<number | null> {
  const child = spawn(process.execPath, ['--conditions=headrace-source', program, directory, String(killAt)]);
  let out = '';
  let err = '';
  child.stdout.on('data', (bytes: Buffer) => {
    out += bytes.toString();
  });
  child.stderr.on('data', (bytes: Buffer) => {
    err += bytes.toString();
  });
  const [code, signal]: unknown[] = await once(child, 'close');
  if (signal === 'SIGKILL') return null;
  if (code !== 0) throw new Error(err);
  return Number(out.trim());
}

interface Outcome {
  readonly journal: readonly unknown[];
  readonly versions: number;
  readonly champion: number | null;
  readonly rollouts: readonly unknown[];
  /** Calls at the receiver, each once, in the order of their first. */
  readonly incidents: readonly string[];
}

async function outcomeOf(directory: string): Promise<Outcome> {
  const store = playbookStore(join(directory, 'playbooks.sqlite'));
  const rollouts = rolloutStore(join(directory, 'rollouts.sqlite'));
  const registry = openSqliteRegistry(join(directory, 'registry.sqlite'));
  const outcome = {
    journal: await store.entries('watched'),
    versions: (await registry.versions('watched')).length,
    champion: await registry.alias('watched', 'champion'),
    rollouts: (await rollouts.list('watched')).map(({ id, state, candidate, revision }) => ({
      id,
      state,
      candidate,
      revision,
    })),
    incidents: [...new Set(readFileSync(join(directory, 'incidents.log'), 'utf8').trim().split('\n'))],
  };
  await store.close();
  await rollouts.close();
  await registry.close();
  return outcome;
}

function newFolder(): string {
  folders += 1;
  return mkdtempSync(join(root, `${folders}-`));
}

test('killed at any transition, a playbook does no action twice and loses none: the journal is that of a run without kills', async () => {
  const whole = newFolder();
  const transitions = (await run(whole, 0)) ?? 0;
  const expected = await outcomeOf(whole);
  expect(expected).toMatchObject({
    versions: 3,
    champion: 3,
    rollouts: [{ state: 'completed' }, { state: 'rolledBack' }],
  });
  const random = seededRandom(Number(process.env['HEADRACE_SEED'] ?? 7));
  let kills = 0;
  // Every transition in turn where there are enough kills, and chains of kills after it.
  for (let at = 1; kills < KILLS; at += 1) {
    const directory = newFolder();
    const first = KILLS >= transitions && at <= transitions ? at : 1 + Math.floor(random() * transitions * 0.4);
    let killAt = first;
    while ((await run(directory, killAt)) === null) {
      kills += 1;
      const isEnough = kills >= KILLS || (KILLS >= transitions && at <= transitions);
      killAt = isEnough ? 0 : 1 + Math.floor(random() * transitions * 0.4);
    }
    expect(await outcomeOf(directory), `first killed at transition ${first}`).toEqual(expected);
    rmSync(directory, { recursive: true, force: true });
  }
  console.log(`${kills} kills over ${transitions} transitions`);
}, 3_600_000);
