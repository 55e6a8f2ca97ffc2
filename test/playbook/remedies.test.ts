import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Random, randomNormal, seededRandom } from '../../src/base/rng.ts';
import { playbookPlan } from '../../src/features/define/playbook.ts';
import { trainedInputs } from '../../src/model/row-inputs.ts';
import { type LabelledRows, scoresOf } from '../../src/playbook/compare-versions.ts';
import { decide } from '../../src/playbook/decide.ts';
import type { Decision } from '../../src/playbook/decision.ts';
import { type Columns, faultyColumns, replacedColumns, tryOn } from '../../src/playbook/remedy-trial.ts';
import { fold, NO_STATE, type PlaybookState } from '../../src/playbook/state.ts';
import { isApplied } from '../../src/playbook/stopped-feature.ts';
import type { PlaybookAction, PlaybookEntry, SeenWindow, ValueChange } from '../../src/ports/playbook-store.ts';
import { logLossOf } from '../../src/stats/log-loss.ts';
import { newVersion } from '../../src/testing/contracts/model-registry.ts';
import type { PatientScorer } from '../../src/versions/cache/registered-versions.ts';
import { watchedProject } from './watched-project.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 5);
/** Hours before the fault begins, those that are watched from then on, and rows of each. */
const [BEFORE, FAULTY, ROWS] = [4, 8, 250];

/** The response never costs more than this share of the loss without it. */
const BOUND = 0.02;

interface Case {
  readonly seed: number;
  readonly change: ValueChange;
  readonly kind: string;
  /** The declared value; null: a missing one. */
  readonly value: number | null;
  readonly model: 'logistic' | 'step' | 'brittle';
  readonly weight: number;
  /** Hours until labels are known. */
  readonly delay: number;
  /** The world's slope in the watched hours, of that before. */
  readonly slope: number;
  /** Hours of the fault; the values of later ones are sound. */
  readonly lasts: number;
}

/** A version that scores as a formula says. */
function versionOf({ model, weight }: Case): PatientScorer {
  const signature = { features: ['gaps', 'number'], input: 'x', output: 'score' };
  const logistic = (z: number) => 1 / (1 + Math.exp(-z));
  const scoreOf = (x: number, z: number) => {
    if (model === 'step') return x > 0.5 ? logistic(weight + z) : logistic(z - weight);
    // Scores of a missing value are far below all others.
    if (model === 'brittle' && Number.isNaN(x)) return 0.002;
    return logistic((Number.isNaN(x) ? 0 : weight * x) + z);
  };
  return {
    version: { ...newVersion('watched'), signature, version: 1 },
    inputs: trainedInputs(signature),
    run: async ({ data, rows }) =>
      Float64Array.from({ length: rows }, (_, i) => scoreOf(Number(data[0][2 * i]), Number(data[0][2 * i + 1]))),
    close: async () => undefined,
  };
}

/** One hour of rows: labels follow the sound values, whatever the model gets. */
function hourOf({ weight, model, change, slope, lasts }: Case, random: Random, hour: number) {
  const isFaulty = hour >= BEFORE && hour < BEFORE + lasts;
  const rows = Array.from({ length: ROWS }, () => ({ gaps: random(), number: randomNormal(random) }));
  const truth = (gaps: number, z: number) =>
    z + (hour >= BEFORE ? slope : 1) * (model === 'step' ? (gaps > 0.5 ? weight : -weight) : weight * gaps);
  const labels = Float64Array.from(rows, ({ gaps, number }) =>
    random() < 1 / (1 + Math.exp(-truth(gaps, number))) ? 1 : 0,
  );
  const sound: Columns = new Map([
    ['gaps', Float64Array.from(rows, ({ gaps }) => gaps)],
    ['number', Float64Array.from(rows, ({ number }) => number)],
  ]);
  return { columns: isFaulty ? faultyColumns(sound, ['gaps'], change) : sound, labels };
}

/** Realised losses of the hours of the fault with the playbook and without, and what it did. */
async function lived(one: Case) {
  const { watched } = watchedProject({ retrain: false, quality: { defaults: { gaps: one.value } } });
  const plan = playbookPlan(watched);
  if (plan === null) throw new Error('no plan');
  const version = versionOf(one);
  const random = seededRandom(one.seed);
  const hours = Array.from({ length: BEFORE + FAULTY }, (_, hour) => hourOf(one, random, hour));
  const joined = (from: number, to: number) => ({
    columns: new Map(
      ['gaps', 'number'].map((name) => [
        name,
        Float64Array.from(hours.slice(from, to).flatMap(({ columns }) => [...(columns.get(name) ?? [])])),
      ]),
    ),
    labels: Float64Array.from(hours.slice(from, to).flatMap(({ labels }) => [...labels])),
  });
  const remedy = { features: ['gaps'], values: { gaps: one.value } };
  const fault = { kind: one.kind, columns: ['gaps'], text: one.kind, change: one.change };
  const hourAt = (at: number) => Math.round((at - START) / HOUR_MS);
  const trial = (action: Extract<PlaybookAction, { do: 'tryRemedy' }>, known: number) =>
    tryOn(
      async (rows) => {
        const { from, to } = rows === 'fault' ? action.between : action.sound;
        const first = Math.max(0, hourAt(from));
        return joined(first, Math.max(first, Math.min(hourAt(to), known)));
      },
      version,
      { ...action, ageMs: action.ageMs ?? 0, seenMs: action.seenMs ?? 0 },
      logLossOf,
    );
  let state: PlaybookState = fold(NO_STATE, [
    { kind: 'configured', plan, labelWithinMs: HOUR_MS, declaration: '', code: '', ...head(1, START) },
  ]);
  const did: string[] = [];
  let [withIt, without] = [0, 0];
  for (let hour = BEFORE; hour < hours.length; hour += 1) {
    // The hour is served as the playbook left it, and judged at its end.
    const stop = state.stopped.find(isApplied);
    const asIs = await meanLoss(version, hours[hour]);
    const { columns, labels } = hours[hour];
    without += asIs;
    withIt +=
      stop === undefined
        ? asIs
        : await meanLoss(version, { columns: replacedColumns(columns, { ...remedy, rows: stop.rows }), labels });
    const to = START + (hour + 1) * HOUR_MS;
    const windows = [hour - 1, hour].flatMap((at): SeenWindow[] => {
      if (at < BEFORE) return [];
      const isFaulty = at < BEFORE + one.lasts;
      const [begin, faults] = [START + at * HOUR_MS, isFaulty ? [fault] : []];
      const state = isFaulty ? 'fault' : 'ok';
      return [
        { from: begin, to: begin + HOUR_MS, rows: ROWS, state, reason: one.kind, faults, drifted: [], changedAt: null },
      ];
    });
    const monitor = {
      kind: 'featureDrift',
      version: 1,
      state: windows.at(-1)?.state ?? 'ok',
      reason: one.kind,
      metric: 'psi',
      windows,
    } as const;
    for (let round = 0; round < 10; round += 1) {
      const observed = { kind: 'observed', champion: 1, monitors: [monitor], rollout: null, digest: '' } as const;
      const decisions = decide({ model: 'watched', plan, labelWithinMs: HOUR_MS, state, observed, now: to });
      if (decisions.length === 0) break;
      state = fold(
        state,
        decisions.map((next, i) => decidedOf(next, state.revision + 1 + i, to)),
      );
      for (const { id, action } of [...state.pending]) {
        const result = action.do === 'tryRemedy' ? { ...(await trial(action, hour + 1 - one.delay)) } : {};
        state = fold(state, [
          { kind: 'finished', decision: id, isDone: true, result, ...head(state.revision + 1, to) },
        ]);
      }
      did.push(
        ...decisions
          .map(({ action }) => action.do)
          .filter((name) => name.endsWith('Remedy') && !name.startsWith('try')),
      );
    }
  }
  return { withIt, without, did };
}

function head(revision: number, at: number) {
  return { model: 'watched', revision, at, by: 'playbook' } as const;
}

function decidedOf(one: Decision, revision: number, at: number): PlaybookEntry {
  const ids = { id: `watched-${revision}`, batch: revision, observed: 0, digest: '', configured: 1, versions: [] };
  return { kind: 'decided', ...one, ...ids, ...head(revision, at) };
}

async function meanLoss(version: PatientScorer, { columns, labels }: LabelledRows): Promise<number> {
  const scores = await scoresOf(columns, labels.length, version);
  return scores.reduce((sum, score, i) => sum + logLossOf(score, labels[i]), 0) / labels.length;
}

const changes: fc.Arbitrary<Pick<Case, 'change' | 'kind'>> = fc.oneof(
  fc.record({ kind: fc.constant('missing'), change: fc.record({ share: share(), to: fc.constant(null) }) }),
  fc.record({
    kind: fc.constant('unit'),
    change: fc.record({ share: share(), times: fc.constantFrom(60, 1000, 0.01, 1.6) }),
  }),
  fc.record({
    kind: fc.constant('unit'),
    change: fc.record({ share: share(), plus: fc.constantFrom(-273.15, 32, 0.3) }),
  }),
  fc.record({ kind: fc.constant('sign'), change: fc.record({ share: share(), times: fc.constant(-1) }) }),
  fc.record({
    kind: fc.constant('repeated'),
    change: fc.record({ share: share(), to: fc.constantFrom(0, -999, 0.5) }),
  }),
);

function share() {
  return fc.constantFrom(0.03, 0.2, 0.34, 1);
}

const cases: fc.Arbitrary<Case> = fc
  .record({
    seed: fc.nat(1e6),
    fault: changes,
    value: fc.constantFrom(null, 0, 0.5, 7, -300),
    model: fc.constantFrom('logistic' as const, 'step' as const, 'brittle' as const),
    weight: fc.constantFrom(0, 0.5, 3, -3),
    delay: fc.constantFrom(0, 1, 3, FAULTY),
    slope: fc.constantFrom(1, 1, 1, 0.5),
    lasts: fc.integer({ min: 1, max: FAULTY }),
  })
  .map(({ fault, ...rest }) => ({ ...rest, ...fault }));

test('whatever the fault, the model, the declared value and the delay of labels, the response costs no more than doing nothing', async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(cases, async (one) => {
      const { withIt, without, did } = await lived(one);
      for (const name of did) seen.add(name);
      expect(withIt).toBeLessThanOrEqual(without * (1 + BOUND));
    }),
    { numRuns: 80 },
  );
  // Remedies that help are in force, and others are not.
  expect(seen).toContain('applyRemedy');
  expect(seen).toContain('refuseRemedy');
});

test('a remedy that sound rows promised and labels refute is taken back, and the loss returns', async () => {
  // The model leans on the value; the world no longer does, so that the fault costs nothing.
  const one: Case = {
    seed: 5,
    kind: 'missing',
    change: { share: 1, to: null },
    value: 7,
    model: 'brittle',
    weight: 3,
    delay: 2,
    slope: -40,
    lasts: FAULTY,
  };
  const { did } = await lived(one);
  expect(did).toEqual(['applyRemedy', 'refuseRemedy']);
});
