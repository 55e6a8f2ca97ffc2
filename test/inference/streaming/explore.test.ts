import { expect, test } from 'vitest';
import * as controlState from '../../../src/serving/streaming/control-state.ts';
import * as memberStep from '../../../src/serving/streaming/member-step.ts';
import * as outputStore from '../../../src/serving/streaming/output-store.ts';
import * as versionMap from '../../../src/serving/streaming/version-map.ts';
import { type Bounds, explore } from './explore.ts';

/** `HEADRACE_STREAM_STATES=2000000` looks further by hand, also at sizes that are not whole then. */
const STATES = Number(process.env['HEADRACE_STREAM_STATES'] ?? 0);
const protocol = { ...controlState, ...memberStep, ...outputStore, ...versionMap };
const end = { kind: 'at-offset', offsets: null } as const;
const now = { kind: 'immediate' } as const;
const keys = { kind: 'canary-keys', buckets: 5_000, salt: 's' } as const;

/** Sizes that are looked at whole. */
const whole: readonly (readonly [name: string, bounds: Omit<Bounds, 'most'>])[] = [
  ['1 member, 1 partition, 2 plans', { members: 1, partitions: 1, plans: [now, end], records: 2, claims: 1 }],
  [
    '1 member, 1 partition, a canary and a plan',
    { members: 1, partitions: 1, plans: [keys, end], records: 2, claims: 1 },
  ],
  ['2 members, 1 partition, 1 plan', { members: 2, partitions: 1, plans: [now], records: 2, claims: 2 }],
  ['1 member, 3 partitions, 1 plan', { members: 1, partitions: 3, plans: [now], records: 1, claims: 1 }],
];

/** Sizes that take minutes. */
const large: typeof whole = [
  ['3 members, 1 partition, 1 plan', { members: 3, partitions: 1, plans: [now], records: 1, claims: 2 }],
  ['2 members, 2 partitions, 1 plan', { members: 2, partitions: 2, plans: [now], records: 1, claims: 1 }],
  ['2 members, 1 partition, 2 plans', { members: 2, partitions: 1, plans: [now, end], records: 2, claims: 2 }],
  ['3 members, 3 partitions, 2 plans', { members: 3, partitions: 3, plans: [now, end], records: 1, claims: 1 }],
];

test.each(whole)('no order of steps breaks a rule: %s', (_, bounds) => {
  const { broken, isWhole } = explore(protocol, { ...bounds, most: 50_000 });
  expect([broken, isWhole]).toEqual([null, true]);
});

test.runIf(STATES > 0).each(large)(
  'no order of steps breaks a rule, as far as it is looked at: %s',
  (name, bounds) => {
    const { broken, states, isWhole } = explore(protocol, { ...bounds, most: STATES });
    console.info(`${name}: ${states} states, ${isWhole ? 'all' : 'cut off'}`);
    expect(broken).toBeNull();
  },
  3_600_000,
);

test('a rule that is broken is found by looking at all orders', () => {
  const unbound = { ...protocol, holdAfter: () => null };
  const { broken } = explore(unbound, { members: 1, partitions: 1, plans: [now], records: 2, claims: 1, most: 50_000 });
  expect(broken).toMatch(/^I2/);
});
