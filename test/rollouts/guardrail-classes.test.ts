import { afterEach, expect, test } from 'vitest';
import type { RolloutOptions } from '../../src/features/define/rollout.ts';
import { until } from '../until.ts';
import { inferByGrpc } from './infer-ways.ts';
import { runMsOf } from './run-ms.ts';
import { halfAtOnce } from './sold-project.ts';
import { closeServed, numberOf, predictionOf, type Served, serve, state } from './sold-server.ts';
import type { Kind } from './versions.ts';

afterEach(closeServed);

/** Asks for one prediction or inference of a caller; the outcome is the rollout's to count. */
type Ask = (served: Served, caller: number, id: string, timeoutMs: number) => Promise<unknown>;

const protocols: Readonly<Record<string, Ask>> = {
  predictions: ({ ask }, caller, id, timeoutMs) =>
    ask(
      '/v1/predictions/sold',
      predictionOf(caller, id),
      timeoutMs === 0 ? {} : { 'headrace-timeout-ms': String(timeoutMs) },
    ),
  'tensors over HTTP': ({ ask }, caller, id, timeoutMs) =>
    ask('/v2/models/sold/infer', {
      id,
      parameters: { headrace_key: `caller ${caller}`, ...waiting(1_000 * timeoutMs) },
      inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 1], data: [numberOf(caller)] }],
    }),
  'tensors over gRPC': ({ headrace }, caller, _, timeoutMs) =>
    inferByGrpc(headrace, `caller ${caller}`, { number: numberOf(caller), timeoutMs }).catch(() => null),
};

/** The parameter of a request that says how long it may wait, µs. */
function waiting(us: number): Readonly<Record<string, number>> {
  return us === 0 ? {} : { timeout: us };
}

type Guardrails = NonNullable<RolloutOptions<'name'>['guardrails']>;

/** A bad version for each guardrail, with the others off that it would exceed too; whether callers wait for half a run of it alone. */
const classes: Readonly<Record<string, readonly [Kind, Guardrails, isTimed: boolean]>> = {
  timeouts: ['slow', { p99: false }, true],
  p99: ['slow', {}, false],
  errors: ['erring', { p99: false }, false],
  nonFinite: ['nan', { p99: false }, false],
  range: ['shifted', { p99: false, scoreShift: false, scoreDistance: false, range: [0, 0.9] }, false],
  scoreShift: ['shifted', { p99: false, scoreDistance: false }, false],
  scoreDistance: ['shifted', { p99: false, scoreShift: false }, false],
};

/** The gate has the class that no other test has; `HEADRACE_GUARDRAILS=p99,errors` names others. */
const chosen = process.env['HEADRACE_GUARDRAILS']?.split(',') ?? ['timeouts'];

/** Timeouts are compared by blocks of time: a fast machine asks more often in each. */
const ROUNDS = 600;
const CALLERS = 64;

for (const guardrail of chosen)
  test.each(Object.keys(protocols))(
    `a version that only the guardrail ${guardrail} sees is rolled back by it, asked by %s`,
    async (protocol) => {
      const [kind, guardrails, isTimed] = classes[guardrail];
      const timeoutMs = isTimed ? Math.ceil((await runMsOf(kind)) / 2) : 0;
      const ask = protocols[protocol];
      // A run of a slow one takes much of a processor: fewer of them are enough.
      const served = await serve(['good', kind], { ...halfAtOnce, guardrails, requests: kind === 'slow' ? 40 : 100 });
      // Callers of tensors do not wait for a load: the candidate is loaded by the first requests.
      await served.ask('/v1/rollouts/sold', { action: 'start', version: 2 });
      await until(async () => {
        for (let caller = 0; caller < 8; caller += 1) await ask(served, caller, `warm-${caller}`, 0);
        const { models } = served.headrace;
        return protocol === 'predictions' || models.findLoaded('sold', '2') !== null;
      });
      for (let round = 0; round < ROUNDS && (await state(served)).endedAt === null; round += 1) {
        for (let from = 0; from < CALLERS; from += 16)
          await Promise.all(
            Array.from({ length: 16 }, (_, i) =>
              ask(served, round * CALLERS + from + i, `r${round}-${from + i}`, timeoutMs),
            ),
          );
        await served.headrace.tick();
      }
      const report = await state(served);
      expect(report).toMatchObject({ state: 'rolledBack', reason: expect.stringContaining(`${guardrail}: `) });
    },
  );
