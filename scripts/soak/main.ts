import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { slopeOf } from '../../bench/measure.ts';
import { seededRandom } from '../../src/base/rng.ts';
import { Control, type Injected } from './control.ts';
import { ServedGroup } from './group.ts';
import { Hostile } from './hostile.ts';
import { Predictions } from './predictions.ts';
import { type SentClick, type TakenAnswer, Tally } from './tally.ts';

/**
 * Serves the personalisation example by `serve --workers 2` while processes are killed, writes and reads of its files fail and
 * its clock jumps and clients attack it. Counts acknowledged events apart, and asks for every user's count after each fault. A model
 * answers predictions meanwhile: each has the right score, and in the end each acknowledged one is in the history once. Ends by itself.
 *
 *     node --conditions=headrace-source scripts/soak/main.ts [--minutes 60] [--seed 1]
 */
const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '60' }, seed: { type: 'string', default: '1' } },
});
const USERS = 2_000;
const BATCH = 50;
const PORT = 18_099;
/** After the last fault every answer must be right by then. */
const SETTLE_MS = 120_000;
const FAULT_MS = 4_000;
/** Memory of the last third of the faults against that of the first. */
const MOST_GROWTH = 1.5;

const random = seededRandom(Number(values.seed));
const chosen = (most: number) => Math.floor(random() * most);
const folder = mkdtempSync(join(tmpdir(), 'headrace-soak-'));
const directory = join(folder, 'data');
const control = await Control.open(folder, directory);
const group = new ServedGroup({ ...control.env, RUN_DIRECTORY: directory }, PORT);
const tally = new Tally();
const counts: Record<string, number> = {};
const codes: Record<string, number> = {};
const wrong: string[] = [];
/** Memory of the group after each fault, by hours since the begin, MiB. */
const rss: (readonly [hours: number, mib: number])[] = [];
const begun = Date.now();
let number = 0;
let isLoading = true;

const note = (kind: string) => {
  counts[kind] = (counts[kind] ?? 0) + 1;
};

await Predictions.prepare(directory);
await restarted();
const loading = load();
const predictions = new Predictions();
const predicting = predictions.run(ask);
const hostile = new Hostile(PORT);
const attacking = hostile.run();
const end = Date.now() + Number(values.minutes) * 60_000;
while (Date.now() < end) {
  await fault();
  await check();
}
isLoading = false;
hostile.end();
predictions.end();
await Promise.all([loading, attacking, predicting]);
control.inject({});
const code = await group.end('SIGTERM');
if (code !== 0) wrong.push(`the group ended with ${code} on SIGTERM: ${group.lastLines.join(' | ')}`);
control.close();
await predictions.check(directory);
wrong.push(...tally.wrong, ...hostile.wrong, ...predictions.wrong);
const mib = rss.map(([, one]) => one);
const third = Math.ceil(mib.length / 3);
const memory = {
  first: mean(mib.slice(0, third)),
  last: mean(mib.slice(-third)),
  slopeMiBAnHour: Math.round(slopeOf(rss)),
};
if (memory.last > MOST_GROWTH * memory.first) wrong.push(`memory grew from ${memory.first} to ${memory.last} MiB`);
if (!((counts['checks'] ?? 0) > 0 && tally.acknowledged > 0 && predictions.acknowledged > 0))
  wrong.push('nothing was checked: give it more minutes');
const { acknowledged, late, refused } = tally;
const seen = {
  counts,
  codes,
  acknowledged,
  late,
  refused,
  predictions: predictions.acknowledged,
  memory,
  attacks: hostile.answers,
};
console.log(JSON.stringify({ ...seen, wrong, unhandled: group.unhandled }, null, 2));
if (wrong.length === 0 && group.unhandled.length === 0) rmSync(folder, { recursive: true, force: true });
else {
  console.log(`its directory is kept: ${folder}`);
  process.exitCode = 1;
}

/** One fault, chosen by chance; it is over when this returns, but for a group that is still starting. */
async function fault(): Promise<void> {
  const injections: Readonly<Record<string, Injected>> = {
    'full disk': { writePpm: 200_000, writeError: 'ENOSPC' },
    'failing disk': { writePpm: 50_000, writeError: 'EIO' },
    'failing reads': { readPpm: 50_000 },
    'clock forward': { clockMs: 1_000 * chosen(600) },
    'clock backward': { clockMs: -1_000 * chosen(600) },
  };
  const kinds = [...Object.keys(injections), 'kill one', 'kill one', 'kill all', 'restart'];
  const kind = kinds[chosen(kinds.length)] ?? 'restart';
  note(kind);
  await sleep(chosen(1_500));
  if (kind === 'kill one') group.killOne(random);
  else if (kind === 'kill all') await group.end('SIGKILL');
  else if (kind === 'restart') await group.end('SIGTERM');
  else {
    control.inject(injections[kind] ?? {});
    await sleep(chosen(FAULT_MS));
    control.inject({});
  }
  if (!group.isRunning) await restarted();
}

async function restarted(): Promise<void> {
  for (let tries = 1; !(await group.start()); tries += 1) {
    note('a start that failed');
    if (tries === 5) throw new Error(`the group does not start; its directory is ${directory}`);
    control.inject({});
  }
}

/** Sends events until the soak is over; a batch without an answer is sent again under the same ids. */
async function load(): Promise<void> {
  while (isLoading) {
    const batch = Array.from({ length: BATCH }, click);
    for (let again = false; isLoading; again = true) {
      const answer = await ask<TakenAnswer>('/v1/events/clicks', batch);
      if (answer === null) {
        await sleep(50);
        continue;
      }
      tally.add(batch, answer, again);
      break;
    }
    await sleep(20);
  }
}

function click(): SentClick {
  number += 1;
  const user = `u${chosen(USERS)}`;
  const [item, category] = [`i${chosen(100)}`, `c${chosen(10)}`];
  return { id: `e${number}`, at: Date.now(), user, session: `s${user}`, item, category, price: '1.000' };
}

/** Every user's count is that of the tally, before the settling time is over. */
async function check(): Promise<void> {
  const last = Date.now() + SETTLE_MS;
  let open = tally.users;
  let seen = '';
  while (open.length > 0 && Date.now() < last) {
    const still: string[] = [];
    for (let from = 0; from < open.length; from += 500) {
      const users = open.slice(from, from + 500);
      const before = users.map((user) => tally.of(user));
      const requests = users.map((user) => ({ user, session: `s${user}`, item: 'i0', category: 'c0', price: 1 }));
      const answer = await ask<{ vectors: { features: Record<string, number> }[] }>('/v1/features/recommendation', {
        requests,
      });
      users.forEach((user, i) => {
        const found = answer?.vectors[i]?.features['user_clicks_30d'] ?? -1;
        // More may have come while it was asked; never less than was acknowledged before, once things have settled.
        if (found >= (before[i] ?? 0) && found <= tally.of(user) + BATCH) return;
        seen = `${user}: ${found}, not ${before[i]}`;
        still.push(user);
      });
    }
    open = still;
    if (open.length > 0) await sleep(200);
  }
  note('checks');
  rss.push([(Date.now() - begun) / 3_600_000, group.rssMiB]);
  if (open.length > 0) wrong.push(`${open.length} users have another count, such as ${seen}`);
}

function mean(values: readonly number[]): number {
  return Math.round(values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length));
}

/** The answer to a POST; null where it is no success, which is counted by its code. */
async function ask<T>(path: string, body: unknown): Promise<T | null> {
  const headers = { 'content-type': 'application/json' };
  const request = { method: 'POST', headers, body: JSON.stringify(body), signal: AbortSignal.timeout(60_000) };
  const answer = await fetch(`${group.url}${path}`, request).catch(() => null);
  const text = await answer?.text().catch(() => null);
  if (answer === null || text === null || text === undefined) {
    codes['no answer'] = (codes['no answer'] ?? 0) + 1;
    return null;
  }
  if (answer.ok) return JSON.parse(text) as T;
  const found = /"code":"(\w+)"/.exec(text)?.[1] ?? `status ${answer.status}`;
  codes[found] = (codes[found] ?? 0) + 1;
  if (answer.status === 500 || found.startsWith('status'))
    wrong.push(`${path}: ${answer.status} ${text.slice(0, 200)}`);
  if (answer.status === 400 && path.startsWith('/v1/events')) return JSON.parse(text) as T;
  return null;
}
