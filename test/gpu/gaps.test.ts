import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { GapFinder } from '../../src/gpu/analysis/gaps.ts';
import { joinLaunches } from '../../src/gpu/analysis/launches.ts';
import { gpuKinds, TraceBuilder } from '../../src/gpu/trace/trace.ts';

test('the gaps of the parts of a window are those of the window', () => {
  const random = seededRandom(3);
  const builder = new TraceBuilder();
  let time = 0;
  for (let event = 0; event < 170_000; event += 1) {
    const row = builder.gpu.row();
    // Some begin together, some overlap, some leave a gap.
    time += Math.floor(4 * random());
    builder.gpu.ts[row] = time;
    builder.gpu.dur[row] = Math.floor(3 * random());
    builder.gpu.kind[row] = gpuKinds.kernel;
    builder.gpu.correlation[row] = -1;
  }
  const trace = builder.build('kineto');
  const rows = Int32Array.from({ length: trace.gpu.length }, (_, row) => row);
  const gaps = new GapFinder(trace, rows, joinLaunches(trace), { start: -10, end: time + 10 });
  const parts = [...gaps.parts(-10, time + 10)];
  expect(parts.length).toBeGreaterThan(3);
  const found = parts.flatMap(({ start, end }) => gaps.between(start, end));
  expect(found.length).toBeGreaterThan(20_000);
  expect(found).toEqual(gaps.between());
});
