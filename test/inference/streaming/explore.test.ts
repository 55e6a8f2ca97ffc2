import { expect, test } from 'vitest';
import * as controlState from '../../../src/serving/streaming/control-state.ts';
import * as memberStep from '../../../src/serving/streaming/member-step.ts';
import * as outputStore from '../../../src/serving/streaming/output-store.ts';
import * as versionMap from '../../../src/serving/streaming/version-map.ts';
import { type Bounds, explore } from './explore.ts';

/** `HEADRACE_STREAM_STATES=100000000` looks at the large sizes whole too, as `npm run test:deep all` does. */
const STATES = Number(process.env['HEADRACE_STREAM_STATES'] ?? 0);
const protocol = { ...controlState, ...memberStep, ...outputStore, ...versionMap };
const end = { kind: 'at-offset', offsets: null } as const;
const now = { kind: 'immediate' } as const;
const keys = { kind: 'canary-keys', buckets: 5_000, salt: 's' } as const;

const far = { kind: 'at-offset', offsets: [9] } as const;
const near = { kind: 'at-offset', offsets: [1] } as const;
const cancel = { kind: 'cancel' } as const;

/** Sizes that are looked at whole, and their states. Members, and partitions, that differ in their numbers alone are the same. */
const whole: readonly (readonly [name: string, states: number, bounds: Omit<Bounds, 'most'>])[] = [
  ['1 member, 1 partition, 2 plans', 0, { members: 1, partitions: 1, plans: [now, end], records: 2, claims: 1 }],
  ['1 member, 1 partition, a canary', 0, { members: 1, partitions: 1, plans: [keys, end], records: 2, claims: 1 }],
  ['1 member, 1 partition, one far away', 0, { members: 1, partitions: 1, plans: [far, now], records: 2, claims: 2 }],
  ['1 member, 1 partition, a cancel', 0, { members: 1, partitions: 1, plans: [near, cancel], records: 2, claims: 2 }],
  ['1 member, 3 partitions, 2 plans', 3_118, { members: 1, partitions: 3, plans: [now, end], records: 1, claims: 1 }],
  ['2 members, 2 partitions, 1 plan', 1_855, { members: 2, partitions: 2, plans: [now], records: 1, claims: 1 }],
  ['2 members, 1 partition, 2 plans', 17_040, { members: 2, partitions: 1, plans: [now, end], records: 1, claims: 2 }],
];

/** Sizes that take minutes: the last one has 1,293,053 states. */
const large: readonly (readonly [name: string, bounds: Omit<Bounds, 'most'>])[] = [
  ['2 members, 3 partitions, 1 plan', { members: 2, partitions: 3, plans: [now], records: 1, claims: 1 }],
  ['2 members, 2 partitions, 2 plans', { members: 2, partitions: 2, plans: [now, end], records: 1, claims: 1 }],
  ['3 members, 1 partition, 2 plans', { members: 3, partitions: 1, plans: [now, end], records: 1, claims: 2 }],
  ['3 members, 3 partitions, 1 plan', { members: 3, partitions: 3, plans: [now], records: 1, claims: 1 }],
  ['3 members, 3 partitions, 2 plans', { members: 3, partitions: 3, plans: [now, end], records: 1, claims: 1 }],
];

test.each(whole)('no order of steps breaks a rule: %s', (_, wanted, bounds) => {
  const { broken, isWhole, states } = explore(protocol, { ...bounds, most: 50_000 });
  expect([broken, isWhole]).toEqual([null, true]);
  // A search that misses steps finds fewer states.
  expect(states).toBeGreaterThanOrEqual(wanted);
});

test.runIf(STATES > 0).each(large)(
  'no order of steps breaks a rule, as far as it is looked at: %s',
  (name, bounds) => {
    const { broken, states, isWhole } = explore(protocol, { ...bounds, most: STATES });
    console.info(`${name}: ${states} states, ${isWhole ? 'all' : 'cut off'}`);
    expect(broken).toBeNull();
  },
  36_000_000,
);

/** Rules that hold no longer, and the invariant that a search of all orders finds broken. */
const mutants: readonly (readonly [
  rule: string,
  protocol: typeof controlState & typeof memberStep & typeof outputStore & typeof versionMap,
  found: RegExp,
  bounds: Omit<Bounds, 'most'>,
])[] = [
  [
    'an owner keeps its promise',
    { ...protocol, holdAfter: () => null },
    /^I2/,
    { members: 1, partitions: 1, plans: [now], records: 2, claims: 1 },
  ],
  [
    'a store takes outputs of the last fence alone',
    { ...protocol, withOutputs: (known, batch) => protocol.withOutputs(known, { ...batch, epoch: known.epoch }) },
    /^I[125]/,
    { members: 2, partitions: 1, plans: [now], records: 2, claims: 2 },
  ],
  [
    'a commit needs every owner',
    {
      ...protocol,
      barriersOf: (state) => state.intervals.map((known) => known[known.length - 1].from),
      applyControl: (state, record) =>
        record.kind === 'commit' && state.open !== null
          ? {
              ...state,
              open: null,
              intervals: state.intervals.map((known, p) => [
                ...known,
                { from: record.barriers[p], ...(state.open?.to ?? known[0]), plan: record.plan, canary: null },
              ]),
            }
          : protocol.applyControl(state, record),
    },
    /^I2/,
    { members: 1, partitions: 2, plans: [now], records: 1, claims: 1 },
  ],
  [
    'an owner stops before what it has not loaded',
    { ...protocol, mayScoreTo: (state, owned, to) => protocol.mayScoreTo(state, owned, to, () => true) },
    /^I4/,
    { members: 2, partitions: 1, plans: [now], records: 2, claims: 2 },
  ],
];

test.each(mutants)('a search of all orders finds it where a rule is broken: %s', (_, mutant, found, bounds) => {
  expect(explore(mutant, { ...bounds, most: 50_000 }).broken).toMatch(found);
});
