import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DeployedJob, writeJobs } from '../../src/backends/flink/jobs-file.ts';
import { backUpEnvironment } from '../../src/compose/compose.ts';
import { type EnvironmentOptions, resolveEnvironment } from '../../src/environment/config.ts';
import { environmentId } from '../../src/environment/environment-id.ts';
import { createKey } from '../../src/operating/api-keys.ts';
import { audited } from '../../src/operating/audit-log.ts';
import { keepRecord } from '../../src/operating/forget-record.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import {
  early,
  earlyPurchase,
  FORGOTTEN,
  ITEMS,
  project,
  purchase,
  purchases,
  returns,
  risk,
  shopper,
  stock,
  USERS,
  usual,
  WRITTEN,
} from './release-0.1.ts';

/** What the release answered, to be compared with what a later one answers of its data. */
export interface Told {
  /** Instant of the answers, epoch ms. */
  readonly at: number;
  readonly vectors: readonly { readonly user: string; readonly item: string; readonly text: string }[];
  readonly scores: readonly { readonly user: string; readonly score: number }[];
  readonly apiKey: { readonly name: string; readonly sha256: string };
}

/** Files that a backup leaves to each environment, and that are durable all the same. */
const BESIDE = ['keys.json', 'audit.jsonl', 'disk.json', 'forgetting', 'flink.json'];

/** One job that runs and one that was stopped. */
const FLINK_JOBS: readonly DeployedJob[] = [
  {
    key: '1f3a5c7e',
    jobId: '6f0c2b7a9d1e4f38a5b6c7d8e9f00112',
    stopped: false,
    checkpoints: 'file:///var/lib/flink/checkpoints/6f0c2b7a9d1e4f38a5b6c7d8e9f00112',
    restore: {
      path: 'file:///var/lib/flink/checkpoints/6f0c2b7a9d1e4f38a5b6c7d8e9f00112/chk-12',
      at: Date.UTC(2026, 0, 1),
    },
  },
  { key: '0a1b2c3d', jobId: '00112233445566778899aabbccddeeff', stopped: true, checkpoints: null, restore: null },
];

/** Writes data of every durable format with the release at hand: a backup, what is next to it, and what it answers. */
export async function writeRelease(folder: string): Promise<void> {
  // Paths stand in what a training run writes: one that says nothing of this machine.
  const directory = join(tmpdir(), 'headrace-release');
  rmSync(directory, { recursive: true, force: true });
  let now = WRITTEN;
  const environment: EnvironmentOptions = { directory, partitions: 2, sampleRate: 1 };
  const clock = () => now;
  const first = await openHeadrace({ project: early.project, environment, clock });
  await first.ingest(
    early.purchases,
    range(0, 30).map((n) => earlyPurchase(n, now)),
  );
  await first.close();
  const headrace = await openHeadrace({ project, environment, clock });
  const send = async (from: number, to: number) => {
    await headrace.ingest(
      purchases,
      range(from, to).map((n) => purchase(n, now)),
    );
    await headrace.ingest(
      returns,
      range(from, to).map((n) => ({ id: `r${n}`, at: now - 1, purchase: `p${n}`, returned: n % 4 === 0 })),
    );
  };
  await send(30, 90);
  await headrace.ingest(stock, range(0, 12).map(change));
  // A redelivery, one that is late, one from the future, one that is malformed.
  await headrace.ingest(purchases, [
    purchase(40, now),
    { ...purchase(1_000, now), at: now - 7_200_000 },
    { ...purchase(1_001, now), at: now + 7_200_000 },
  ]);
  await headrace.ingest(purchases, [{ ...purchase(1_002, now), cents: 'many' } as never]);
  await headrace.backfill(usual);
  now += 60_000;
  await send(90, 120);
  await headrace.backfill(usual);
  const { version } = await headrace.train(risk, { to: now + 1 });
  await headrace.promote(risk, version);
  now += 60_000;
  await send(120, 140);
  const told = { at: now, vectors: [] as Told['vectors'][number][], scores: [] as Told['scores'][number][] };
  for (const user of USERS)
    for (const item of ITEMS)
      told.vectors.push({ user, item, text: await headrace.vectorText(shopper, { user, item }, told.at) });
  for (const [i, user] of USERS.entries()) {
    const { score } = await headrace.predict(risk, `p${i}`, { user, cents: 500 }, { at: told.at });
    told.scores.push({ user, score });
  }
  await headrace.flush();
  await headrace.close();
  const { key } = createKey(directory, { name: 'web', scopes: ['read'], now });
  await audited(directory, { who: 'user ops', what: 'keys create', target: 'web' }, clock, () => undefined);
  environmentId(directory);
  keepRecord(directory, { format: 1, entity: 'user', key: { user: FORGOTTEN }, predictions: [] });
  writeJobs(join(directory, 'flink.json'), FLINK_JOBS);
  await backUpEnvironment(resolveEnvironment('fixture', environment, project.name), join(folder, 'backup'), now);
  mkdirSync(join(folder, 'beside'), { recursive: true });
  for (const name of BESIDE)
    if (existsSync(join(directory, name)))
      cpSync(join(directory, name), join(folder, 'beside', name), { recursive: true });
  for (const name of ['job.json', 'result.json']) copyOfRun(directory, folder, name);
  rmSync(directory, { recursive: true });
  const whole: Told = { ...told, apiKey: { name: key.name, sha256: key.sha256 } };
  writeFileSync(join(folder, 'told.json'), `${JSON.stringify(whole, null, 1)}\n`);
}

function copyOfRun(directory: string, folder: string, name: string): void {
  const [run] = runsOf(join(directory, 'runs'));
  cpSync(join(directory, 'runs', run, name), join(folder, 'beside', 'runs', run, name));
}

function runsOf(path: string): readonly string[] {
  return existsSync(path) ? readdirSync(path) : [];
}

function change(n: number) {
  return {
    change: `c${n}`,
    changed: WRITTEN - 60_000 + n * 1_000,
    row: `row${n % 5}`,
    placed: WRITTEN - 3_600_000,
    gone: n >= 10,
    item: ITEMS[(n % 5) % ITEMS.length],
    pieces: n,
  };
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
