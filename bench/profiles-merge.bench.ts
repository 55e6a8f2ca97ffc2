import { randomNormal, seededRandom } from '../src/base/rng.ts';
import { createColumnSketch } from '../src/monitoring/profile/column-sketch.ts';
import { edgeBins, type FrozenBins } from '../src/monitoring/profile/frozen-bins.ts';
import { createProfile } from '../src/monitoring/profile/profile.ts';
import { decodeProfileRow, type ProfileRow } from '../src/monitoring/served/profile-row.ts';
import { ProfileSlots } from '../src/monitoring/served/profile-slots.ts';
import type { ProfiledService } from '../src/monitoring/served/profiled-service.ts';
import { WindowMerge } from '../src/monitoring/served/read-window.ts';
import { batchSize, emptyBatch } from '../src/monitoring/served/vector-batch.ts';
import { printFigure } from './figure.ts';
import { median } from './measure.ts';

/**
 * A window of 64 processes × 300 features merged: their rows decoded and added up, as a monitor does it. Each process has profiled
 * HEADRACE_BENCH_VECTORS vectors. The merge is compared with the profile of one process over all of them.
 */
const PROCESSES = 64;
const FEATURES = 300;
const VECTORS = Number(process.env['HEADRACE_BENCH_VECTORS'] ?? 2_000);
const ROUNDS = 5;

const names = Array.from({ length: FEATURES }, (_, f) => `f${f}`);
const service: ProfiledService = {
  id: 'wide@1',
  numbers: names.map((name, place) => ({ name, place, kind: 'number' as const, scale: 0 })),
  texts: [],
};
const bins: ReadonlyMap<string, FrozenBins> = new Map(
  names.map((name) => [name, edgeBins([-1.28, -0.84, -0.52, -0.25, 0, 0.25, 0.52, 0.84, 1.28])]),
);
const slotsOf = (name: string) => {
  const slots = new ProfileSlots({ services: [service], everyMs: 3_600_000, host: 'h', process: name });
  slots.setBins(service.id, bins);
  return slots;
};
const random = seededRandom(1);
const one = slotsOf('one');
const rows: ProfileRow[] = [];
for (let p = 0; p < PROCESSES; p += 1) {
  const own = slotsOf(`p${p}`);
  for (let from = 0; from < VECTORS; from += batchSize(service)) {
    const batch = emptyBatch(service);
    batch.count = Math.min(batchSize(service), VECTORS - from);
    for (let i = 0; i < batch.numbers.length; i += 1)
      batch.numbers[i] = i % (FEATURES + 1) === 0 ? 0 : randomNormal(random);
    own.add(0, batch, 0);
    one.add(0, batch, 0);
  }
  rows.push(...own.drain(true, 0).rows.map(decodeProfileRow));
}
const like = createProfile();
for (const [name, own] of bins) like.columns.set(name, createColumnSketch('number', own));
const merged = (of: readonly ProfileRow[]) => {
  const merging = new WindowMerge(like);
  for (const row of of)
    if (row.profile === null) merging.count(row.process, row.served, row.rows, row.begins);
    else merging.add(row.feature, row.profile);
  return merging.result();
};
const whole = merged(one.drain(true, 0).rows.map(decodeProfileRow));
const times: number[] = [];
const cpus: number[] = [];
for (let round = -2; round < ROUNDS; round += 1) {
  const before = process.cpuUsage();
  const started = performance.now();
  const window = merged(rows);
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(before);
  for (const [name, column] of window.profile.columns) {
    const own = whole.profile.columns.get(name);
    if (String(column.counts) !== String(own?.counts) || String(column.registers) !== String(own?.registers))
      throw new Error(`${name} differs from the profile of one process`);
  }
  if (round < 0) continue;
  times.push(ms / 1_000);
  cpus.push((user + system) / 1e6);
}
const bytes = rows.reduce((sum, { profile }) => sum + (profile?.length ?? 0), 0);
console.log(`${rows.length} rows, ${(bytes / 2 ** 20).toFixed(0)} MiB, ${median(times).toFixed(2)} s by the clock`);
printFigure({
  name: `window of ${PROCESSES} processes × ${FEATURES} features merged, ${VECTORS} vectors of each process`,
  unit: 'CPU s',
  value: median(cpus),
  yardstick: null,
  yardstickValue: null,
  aim: { of: 'value', atMost: 1 },
});
