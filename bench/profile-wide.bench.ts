import { randomNormal, seededRandom } from '../src/base/rng.ts';
import { addNumber, createColumnSketch } from '../src/monitoring/profile/column-sketch.ts';
import { edgeBins } from '../src/monitoring/profile/frozen-bins.ts';
import { createProfile } from '../src/monitoring/profile/profile.ts';
import { encodeProfile } from '../src/monitoring/profile/profile-bytes.ts';
import { printFigure } from './figure.ts';

/** Peak memory of a process that profiles 300 features of HEADRACE_BENCH_ROWS rows, one row after the other, over frozen bins. */
const FEATURES = 300;
const ROWS = Number(process.env['HEADRACE_BENCH_ROWS'] ?? 1_000_000);

const bins = edgeBins([-1.28, -0.84, -0.52, -0.25, 0, 0.25, 0.52, 0.84, 1.28]);
const sketches = Array.from({ length: FEATURES }, (_, f) => createColumnSketch('number', bins, f + 1));
const random = seededRandom(1);
const before = process.cpuUsage();
for (let row = 0; row < ROWS; row += 1) {
  // One draw a row: the time is that of the sketches.
  const value = randomNormal(random);
  for (let f = 0; f < FEATURES; f += 1) addNumber(sketches[f], value + f * 1e-3);
}
const { user, system } = process.cpuUsage(before);
const profile = createProfile();
profile.rows = ROWS;
for (const [f, sketch] of sketches.entries()) profile.columns.set(`f${f}`, sketch);
const bytes = encodeProfile(profile).length;
printFigure({
  name: `peak memory of a profile, ${FEATURES} features × ${ROWS} rows`,
  unit: 'MiB',
  value: process.resourceUsage().maxRSS / 1024,
  yardstick: null,
  yardstickValue: null,
  aim: { of: 'value', atMost: 512 },
});
console.log(`${((user + system) / 1e6).toFixed(0)} CPU s, ${(bytes / 1024).toFixed(0)} KiB of profile`);
