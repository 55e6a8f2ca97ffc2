import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { departures, lateDeparture } from '../flights/declaration.ts';
import { type Flight, replaySteps } from '../flights/flights.ts';
import { replayClock } from '../flights/replay-clock.ts';
import { type Child, endedWell, kill, startHeadrace, untilOr } from './child.ts';
import { childCpuSeconds } from './child-cpu.ts';
import { type NaiveRun, naiveRun } from './naive-run.ts';
import { departedEvent, openSite, requestOf, type Site, takeDeparted, takeScheduled } from './site.ts';
import { type Check, check, type Measured } from './summary.ts';

/** Flights whose scores are compared with online predictions. */
const COMPARED = 200;
const WORKERS = 2;

interface Row {
  readonly id: string;
  readonly score: number;
  readonly version: number;
}

/** Batch inference of the flights: the naive way, then ours, with kills and a promotion in the middle. */
export async function batch(site: Site, kills: number): Promise<Measured> {
  const online = await livedThrough(site);
  const naive = await naiveRun(site, { rewinds: false });
  const [from, one] = [site.live, site.live.slice(0, 1)].map((flights) => questions(site, flights));
  const [whole, killed, small] = ['scores', 'scores-killed', 'scores-one'].map((name) => join(site.directory, name));
  const start = await timedJob(site, one, small);
  const { seconds, coreSeconds } = await timedJob(site, from, whole);
  const done = await jobUnderKills(site, { from, to: killed, kills });
  const rows = await rowsOf(killed);
  const checks = [
    ...judged(rows, site, done),
    check(
      'the files are those of a job without kills',
      bytesOf(whole) === bytesOf(killed),
      `sha256 ${bytesOf(killed).slice(0, 12)}…`,
    ),
    asOnline(rows, online),
  ];
  return {
    mode: 'batch',
    predictions: site.live.length,
    // The start of the processes is no cost of a row.
    coreSeconds: ((coreSeconds - start.coreSeconds) * 1e6) / site.live.length,
    perSecond: site.live.length / seconds,
    // Every row waits for the end of the job.
    latency: { p50: seconds * 1_000, p99: seconds * 1_000 },
    naive: failures(naive, site, online),
    checks,
  };
}

/** Writes flights as a file of requests, each with its instant. */
function questions({ directory }: Site, flights: readonly Flight[]): string {
  const path = join(directory, `questions-${flights.length}.jsonl`);
  const lines = flights.map((one) => JSON.stringify({ flight: one.id, ...requestOf(one), _at: one.scheduled }));
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

function failures(
  { answers, rows, kills }: NaiveRun,
  { live }: Site,
  online: ReadonlyMap<string, number>,
): readonly string[] {
  const all = [...answers.values()];
  const first = all.filter((one) => one[0].version === 1).length;
  const other = [...online].filter(([id, score]) => answers.get(id)?.[0].score !== score).length;
  return [
    `a loop over a server that saves its place now and then was killed ${kills} times`,
    `${rows} rows for ${live.length} flights: ${rows - answers.size} are repeated`,
    `a version was promoted meanwhile: ${first} flights have the score of one version, ${all.length - first} that of another`,
    `features are those of the moment of the call: ${other} of ${online.size} scores are not those of the flight's own instant`,
  ];
}

/**
 * The live flights come. The first of them are scored online meanwhile, each in its own minute, as a server does: their scores by
 * flight are given. All events are there then.
 */
async function livedThrough({ directory, flights, live, liveFrom, to }: Site): Promise<ReadonlyMap<string, number>> {
  const clock = replayClock(liveFrom);
  const headrace = await openSite({ directory, clock });
  const scores = new Map<string, number>();
  let end = liveFrom;
  for await (const { at, scheduled, departed } of replaySteps(flights)) {
    if (at < liveFrom) continue;
    end = at;
    if (scores.size >= COMPARED) break;
    clock.set(at);
    const asked = scheduled.map((one) => ({ id: one.id, request: requestOf(one) }));
    const answers = asked.length === 0 ? [] : await headrace.predictMany(lateDeparture, asked, { at });
    for (const { id, score } of answers) scores.set(id, score);
    if (departed.length > 0) await headrace.ingest(departures, departed.map(departedEvent));
  }
  clock.set(to);
  await takeScheduled(headrace, live);
  await takeDeparted(
    headrace,
    flights.filter(({ departed }) => departed >= end),
  );
  await headrace.close();
  return scores;
}

function job({ directory, versions }: Site, from: string, to: string): Child {
  const options = ['--spine', '--version', String(versions[0]), '--workers', String(WORKERS), '--json'];
  return startHeadrace(['predict', lateDeparture.name, '--from', from, '--to', to, ...options], directory);
}

/** A job without trouble: its time, and the processor time of all of its processes. */
async function timedJob(site: Site, from: string, to: string) {
  const [cpu, begun] = [childCpuSeconds(), performance.now()];
  await endedWell(job(site, from, to), 'headrace predict');
  // NaN where the system does not say.
  return { seconds: (performance.now() - begun) / 1_000, coreSeconds: childCpuSeconds() - cpu };
}

/** The same job, killed when a part more is published; another version is promoted meanwhile. Gives its kills. */
async function jobUnderKills(
  site: Site,
  { from, to, kills }: { readonly from: string; readonly to: string; readonly kills: number },
): Promise<number> {
  let done = 0;
  for (; done < kills; done += 1) {
    const running = job(site, from, to);
    const parts = partsOf(to);
    await untilOr(running, () => partsOf(to) > parts);
    if (running.hasEnded()) break;
    await kill(running);
    if (done === 0) await promote(site, site.versions[1]);
  }
  await endedWell(job(site, from, to), 'headrace predict');
  await promote(site, site.versions[0]);
  return done;
}

/** Published parts of an output. */
function partsOf(to: string): number {
  if (!existsSync(to)) return 0;
  return readdirSync(to, { recursive: true, encoding: 'utf8' }).filter((name) => /parts\/\d+\.json$/.test(name)).length;
}

async function promote({ directory, liveFrom }: Site, version: number): Promise<void> {
  const headrace = await openSite({ directory, clock: replayClock(liveFrom) });
  await headrace.promote(lateDeparture, version);
  await headrace.close();
}

/** The rows of a finished output, in its files and none else. */
async function rowsOf(to: string): Promise<readonly Row[]> {
  const files = filesOf(to).map((path) => `'${path}'`);
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const sql = `SELECT flight, score, model_version FROM read_parquet([${files.join(', ')}])`;
  const result = await connection.runAndReadAll(sql);
  const rows = result.getRows().map(([id, score, version]) => ({
    ...{ id: String(id), score: Number(score), version: Number(version) },
  }));
  connection.closeSync();
  instance.closeSync();
  return rows;
}

/** The files that a manifest lists. */
function filesOf(to: string): readonly string[] {
  const { folder, parts } = JSON.parse(readFileSync(join(to, '_MANIFEST.json'), 'utf8')) as {
    readonly folder: string;
    readonly parts: readonly { readonly output: { readonly file: string } | null }[];
  };
  return parts.flatMap(({ output }) => (output === null ? [] : [join(to, folder, output.file)]));
}

function bytesOf(to: string): string {
  const hash = createHash('sha256');
  for (const path of filesOf(to)) hash.update(readFileSync(path));
  return hash.digest('hex');
}

function judged(rows: readonly Row[], { live, versions }: Site, kills: number): readonly Check[] {
  const ids = new Set(rows.map(({ id }) => id));
  const missing = live.filter(({ id }) => !ids.has(id)).length;
  const other = rows.filter(({ version }) => version !== versions[0]).length;
  return [
    check(
      `each flight has one row, over ${kills} kills`,
      kills > 0 && rows.length === live.length && missing === 0,
      `${rows.length} rows for ${live.length} flights: ${missing} missing, ${rows.length - ids.size} repeated`,
    ),
    check('all rows are of one version, whatever is promoted', other === 0, `${other} of another version`),
  ];
}

function asOnline(rows: readonly Row[], online: ReadonlyMap<string, number>): Check {
  const differing = rows.filter(({ id, score }) => online.has(id) && online.get(id) !== score).length;
  return check(
    'a row has the score that it was predicted online at its instant',
    differing === 0 && online.size > 0,
    `${differing} of ${online.size} differ`,
  );
}
