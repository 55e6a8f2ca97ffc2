import { expect, test } from 'vitest';
import { defineProject, model } from '../../src/features/define/declare.ts';
import { type RolloutOptions, rolloutPlan } from '../../src/features/define/rollout.ts';
import { asked, came, service } from '../models/small-project.ts';

function declared(rollout: RolloutOptions<'name' | 'number'> | undefined) {
  return model('sold', {
    task: 'binary',
    service,
    spine: { from: asked, id: 'id' },
    label: { from: came, id: 'asked', value: (e) => e.good, within: '1d' },
    train: { with: { kind: 'logisticRegression' } },
    ...(rollout === undefined ? {} : { rollout }),
  });
}

test('without a declaration a rollout has a shadow, four steps, every guardrail and the log loss', () => {
  expect(rolloutPlan(declared(undefined))).toEqual({
    key: null,
    shadowMs: 600_000,
    steps: [1, 5, 20, 50],
    everyMs: 600_000,
    requests: 500,
    alpha: 0.05,
    guardrails: {
      errors: true,
      timeouts: true,
      nonFinite: true,
      range: null,
      p99: 'baseline',
      scoreShift: 0.25,
      scoreDistance: 0.2,
    },
    success: { metric: 'log_loss', margin: null, coverage: 0.5, labels: 200 },
    soakMs: 3_600_000,
    confirm: null,
    events: null,
  });
});

test('what is declared is what runs; a last step of 100 is the promotion', () => {
  const plan = rolloutPlan(
    declared({
      key: 'name',
      shadow: false,
      steps: [1, 5, 25, 50, 100],
      every: '2m',
      guardrails: { p99: '10ms', scoreShift: false, range: [0, 1] },
      success: { metric: 'brier', margin: 0.002 },
      confirm: { url: 'https://ops.example/confirm', secret: { env: 'HOOK' } },
    }),
  );
  expect(plan).toMatchObject({
    key: 'name',
    shadowMs: 0,
    steps: [1, 5, 25, 50],
    everyMs: 120_000,
    guardrails: { p99: 10, scoreShift: null, range: [0, 1], errors: true },
    success: { metric: 'brier', margin: 0.002, coverage: 0.5 },
    confirm: { url: 'https://ops.example/confirm', secret: { env: 'HOOK' } },
  });
  expect(rolloutPlan(declared({ success: false })).success).toBeNull();
  expect(rolloutPlan(declared({ success: { margin: false } })).success).toMatchObject({ margin: false });
});

const refusals: readonly (readonly [string, unknown])[] = [
  ['rollout.key', { key: 'seller' }],
  ['rollout.steps', { steps: [] }],
  ['rollout.steps', { steps: [100] }],
  ['rollout.steps', { steps: [5, 1] }],
  ['rollout.steps', { steps: [1, 60] }],
  ['rollout.steps', { steps: [0.001] }],
  ['rollout.steps.0', { steps: [0] }],
  ['rollout.alpha', { alpha: 0.5 }],
  ['rollout.requests', { requests: 0 }],
  ['rollout.guardrails.range', { guardrails: { range: [1, 0] } }],
  ['rollout.guardrails.scoreShift', { guardrails: { scoreShift: -1 } }],
  ['rollout.success.metric', { success: { metric: 'absolute_error' } }],
  ['rollout.success', { success: { margin: 0 } }],
  ['rollout.confirm.url', { confirm: { url: 'ftp://ops.example' } }],
  ['rollout.events.url', { events: { url: 'nowhere' } }],
  ['rollout', { step: [1] }],
];

test.each(refusals)('a rollout that cannot run is refused where it is declared: %s', (option, rollout) => {
  expect(() => declared(rollout as RolloutOptions<'name'>)).toThrow(
    expect.objectContaining({ code: 'MODEL_ROLLOUT', message: expect.stringContaining(`"${option}`) }),
  );
});

test('a duration that is not one is refused by its place', () => {
  expect(() => declared({ every: '10 minutes' as '10m' })).toThrow(
    expect.objectContaining({ code: 'WINDOW_TEXT', message: expect.stringContaining('rollout.every of model sold') }),
  );
});

test('the declaration keeps the rollout as it was written', () => {
  const project = defineProject('shop', { sold: declared({ steps: [5] }) });
  expect(project.models[0].rollout).toEqual({ steps: [5] });
});
