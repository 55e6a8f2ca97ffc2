import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openHeadrace } from '../../src/running/headrace.ts';
import {
  adviseMode,
  askers,
  labelUses,
  type ModeCosts,
  type ModeFacts,
  type ServingMode,
} from '../../src/serving/advise/mode-advice.ts';
import { environmentIn, prepare, project } from '../loop/prediction-project.ts';
import { asked } from '../models/small-project.ts';
import { lastJson, runCli } from './run-cli.ts';

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
const directory = mkdtempSync(join(tmpdir(), 'headrace-advise-test-'));
const CONFIG = fileURLToPath(new URL('./advise/headrace.config.ts', import.meta.url));

beforeAll(async () => {
  process.env['ADVISE_DIRECTORY'] = directory;
  await prepare(directory);
  const headrace = await openHeadrace({ project, environment: environmentIn(directory) });
  const at = Date.now() - 60_000;
  const row = (i: number) => ({ id: `r${i}`, at: at + i, name: `n${i % 7}`, number: i, gaps: null, category: i % 3 });
  await headrace.ingest(
    asked,
    Array.from({ length: 50 }, (_, i) => row(i)),
  );
  await headrace.close();
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

const NO_COSTS: ModeCosts = { online: null, streaming: null, batch: null };
const COSTS: ModeCosts = { online: 60, streaming: 20, batch: 5 };
const facts = (more: Partial<ModeFacts>): ModeFacts => ({
  asks: 'caller',
  latencyMs: 50,
  freshnessMs: 60_000,
  perDay: 1e6,
  labels: 'quality',
  ...more,
});

test.each<readonly [string, Partial<ModeFacts>, ModeCosts, ServingMode]>([
  ['a caller waits', {}, COSTS, 'online'],
  ['a caller waits for a day', { latencyMs: DAY_MS }, NO_COSTS, 'online'],
  ['an event asks', { asks: 'event', latencyMs: 5 * SECOND_MS }, NO_COSTS, 'streaming'],
  ['an event asks, and one core does either', { asks: 'event', latencyMs: 5 * SECOND_MS }, COSTS, 'streaming'],
  ['an event asks, faster than a stream answers', { asks: 'event', latencyMs: 100 }, COSTS, 'online'],
  ['all questions are known', { asks: 'known', latencyMs: DAY_MS, freshnessMs: DAY_MS }, COSTS, 'batch'],
  [
    'all are known, of features that age fast',
    { asks: 'known', latencyMs: DAY_MS, freshnessMs: 1_000 },
    COSTS,
    'online',
  ],
])('%s', (_, more, costs, mode) => {
  expect(adviseMode(facts(more), costs).mode).toBe(mode);
});

test('the advice fits, has a reason against each mode that does not, and no fitting mode costs less', () => {
  const duration = fc.integer({ min: 1, max: 30 * DAY_MS });
  const cost = fc.double({ min: 0.01, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(
      fc.record({
        asks: fc.constantFrom(...askers),
        latencyMs: duration,
        freshnessMs: duration,
        perDay: fc.integer({ min: 1, max: 1e10 }),
        labels: fc.constantFrom(...labelUses),
      }),
      fc.oneof(fc.constant(NO_COSTS), fc.record({ online: cost, streaming: cost, batch: cost })),
      (asked, costs) => {
        const { mode, verdicts, why } = adviseMode(asked, costs);
        const chosen = verdicts.find((one) => one.mode === mode);
        expect(chosen?.fits).toBe(true);
        expect(why).not.toBe('');
        for (const { fits, reasons, coreSecondsADay } of verdicts) {
          if (!fits) expect(reasons.length).toBeGreaterThan(0);
          else if (coreSecondsADay !== null)
            expect(chosen?.coreSecondsADay ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(coreSecondsADay);
        }
      },
    ),
  );
});

test('the command measures each mode over requests of the history, and logs no prediction', async () => {
  const args = ['serve', 'advise', 'small', '--asks', 'caller', '--latency', '50ms', '--config', CONFIG];
  const call = await runCli(directory, [...args, '--per-day', '2000000', '--json']);
  expect(call).toMatchObject({ code: 0 });
  const advice = lastJson(call) as {
    readonly mode: string;
    readonly costs: Readonly<Record<string, number>>;
    readonly measured: Readonly<Record<string, number>>;
  };
  expect(advice).toMatchObject({ model: 'small', mode: 'online', measured: { requests: 50 } });
  for (const cost of Object.values(advice.costs)) expect(cost).toBeGreaterThan(0);
  expect(advice.costs['online']).toBeGreaterThan(advice.costs['streaming']);
  const headrace = await openHeadrace({ project, environment: environmentIn(directory) });
  expect(headrace.outcomes(headrace.model('small')).counters.predictions).toBe(0);
  await headrace.close();
});

test('without requirements it is refused', async () => {
  const call = await runCli(directory, ['serve', 'advise', 'small', '--asks', 'caller', '--config', CONFIG, '--json']);
  expect(lastJson(call)).toMatchObject({ error: { code: 'CLI_VALUE' } });
});
