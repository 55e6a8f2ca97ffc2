import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parseJob } from '../src/cost/plan/job.ts';
import { makePlan } from '../src/cost/plan/make-plan.ts';
import { readProfile } from '../src/cost/profile/read-profile.ts';
import { readSpotTrace } from '../src/cost/spot/trace/read-spot-trace.ts';
import { readTraceFile } from '../src/gpu/readers/trace/read-trace.ts';
import { printFigure } from './figure.ts';
import { traceOfMegabytes } from './large-trace.ts';
import { measureRates } from './measure.ts';

/** A plan from a packed trace of about 60 MB with 10,000 draws over recorded spot windows, next to reading the trace alone. */
const folder = mkdtempSync(join(tmpdir(), 'headrace-plan-bench-'));
try {
  const path = join(folder, 'trace.json.gz');
  const text = traceOfMegabytes(60);
  writeFileSync(path, gzipSync(text));
  const job = parseJob({
    version: 1,
    name: 'bench',
    hours: 8,
    gpus: 32,
    accelerator: 'A100',
    deadlineHours: 12,
    onDemandUsd: 21.957642,
    spotUsd: 6.289,
    traceNodes: 14,
    checkpoint: { blockedS: 20, restartS: 900 },
    drill: { passed: true, revision: 'x', gpus: 32 },
  });
  const trace = await readSpotTrace('examples/training-cost/aws-p2-2020-11-20.csv', { timeUnit: 'h' });
  const plan = async () => {
    const profile = await readProfile([path], job);
    const prices = { digest: null, ageDays: null, source: 'the job' };
    const { spot } = makePlan({
      job,
      profile,
      offers: [],
      prices,
      traces: [trace],
      traceCaveats: [],
      trials: new Map(),
      draws: 10_000,
      seed: 1,
    });
    if (spot.state !== 'used') throw new Error(spot.reason);
  };
  const rates = await measureRates(
    {
      plan: { operations: 1, run: plan },
      read: { operations: 1, run: async () => void (await readTraceFile(path)) },
    },
    { warmUps: 1, rounds: 5 },
  );
  printFigure({
    name: `plan of a trace of ${Math.round(text.length / 1e6)} MB with 10,000 draws`,
    unit: 's',
    value: 1 / rates.plan,
    yardstick: 'reading the trace alone',
    yardstickValue: 1 / rates.read,
    aim: { of: 'ratio', atMost: 2 },
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
