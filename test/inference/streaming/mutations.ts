/** A rule of the protocol, and the edits that break it. */
export interface Mutation {
  readonly rule: string;
  readonly edits: readonly (readonly [file: string, from: string, to: string])[];
}

const CONTROL = 'src/serving/streaming/control-state.ts';
const MEMBER = 'src/serving/streaming/member-step.ts';
const STORE = 'test/inference/streaming/output-store.ts';
const MAP = 'src/serving/streaming/version-map.ts';
/** How members go by the rules. */
const WORLD = 'test/inference/streaming/world.ts';

/** Every rule broken once. */
export const mutations: readonly Mutation[] = [
  {
    rule: 'a claim has a greater epoch than all before',
    edits: [[CONTROL, 'if (record.epoch <= state.epochs[record.partition]) return state;', '']],
  },
  {
    rule: 'one plan is open at a time: another one names the plan whose place it takes',
    edits: [[CONTROL, 'if (open !== null && replaces !== open.plan) return state;', '']],
  },
  {
    rule: 'an ack is of the newest epoch',
    edits: [
      [CONTROL, 'if (epoch !== epochs[partition]) return state;', ''],
      [CONTROL, 'ack === null || ack.epoch !== epoch', 'ack === null'],
      [MEMBER, 'ack === null || ack.epoch !== epoch', 'ack === null'],
    ],
  },
  {
    rule: 'a commit needs the ack of every owner',
    edits: [
      [CONTROL, 'if (ack === null || ack.epoch !== epoch) return false;', 'if (ack === null) return true;'],
      [
        MEMBER,
        'if (ack === null || ack.epoch !== epoch) return null;',
        'if (ack === null) { barriers.push(0); continue; }',
      ],
    ],
  },
  {
    rule: 'a commit needs acks of the newest owners',
    edits: [[CONTROL, 'ack === null || ack.epoch !== epoch', 'ack === null']],
  },
  {
    rule: 'a barrier is not below a ceiling',
    edits: [
      [CONTROL, 'return barriers[partition] >= ack.ceiling;', 'return true;'],
      [MEMBER, 'barriers.push(ack.ceiling);', 'barriers.push(Math.max(0, ack.ceiling - 1));'],
    ],
  },
  {
    rule: 'a barrier covers the ceilings of all owners',
    edits: [
      [
        CONTROL,
        'Math.max(ceiling, open.acks[partition]?.ceiling ?? 0)',
        'Math.min(ceiling, open.acks[partition]?.ceiling ?? ceiling)',
      ],
    ],
  },
  {
    rule: 'a commit supersedes what no partition has reached',
    edits: [[CONTROL, 'known.filter(({ from }) => from <= barrier)', 'known.slice()']],
  },
  {
    rule: 'a commit keeps what a partition has reached',
    edits: [[CONTROL, 'known.filter(({ from }) => from <= barrier)', 'known.slice(0, 1)']],
  },
  {
    rule: 'a cancel keeps what a partition has reached',
    edits: [[CONTROL, 'known.filter(({ from }) => from < barriers[partition])', 'known.slice(0, 1)']],
  },
  {
    rule: 'an idle partition begins at its end',
    edits: [[MEMBER, 'Math.max(next, end) : null', '0 : null']],
  },
  {
    rule: 'a commit ends its plan',
    edits: [[CONTROL, '{ ...state, intervals, plans, open: null }', '{ ...state, intervals, plans }']],
  },
  { rule: 'the map keeps its begin', edits: [[CONTROL, '[...kept, intervalOf', '[...kept.slice(1), intervalOf']] },
  {
    rule: 'an owner stops at its ceiling',
    edits: [[MEMBER, 'if (hold !== null && open?.plan === hold.plan) limit = Math.min(limit, hold.ceiling);', '']],
  },
  {
    rule: 'an owner keeps its promise until the plan has ended',
    edits: [[MEMBER, 'return hold !== null && open?.plan === hold.plan ? hold : null;', 'return null;']],
  },
  {
    rule: 'an owner stops before a version that it has not loaded',
    edits: [[MEMBER, 'if (!isReady && !isEmpty)', 'if (false as boolean)']],
  },
  {
    rule: 'an owner of canary keys has both versions',
    edits: [[MEMBER, 'isLoaded(version) && (canary === null || isLoaded(canary.version))', 'isLoaded(version)']],
  },
  {
    rule: 'a ceiling is not below what the owner has begun',
    edits: [[MEMBER, "return named < next ? 'passed' : named;", 'return named;']],
  },
  {
    rule: 'an immediate ceiling is the next offset',
    edits: [[MEMBER, 'return next;\n    default', 'return Math.max(0, next - 1);\n    default']],
  },
  {
    rule: 'a store accepts the owner that fenced it last alone',
    edits: [[STORE, 'if (batch.epoch !== partition.epoch) return partition;', '']],
  },
  {
    rule: 'outputs begin at the next offset',
    edits: [[STORE, 'if (batch.from !== partition.next) return partition;', '']],
  },
  { rule: 'outputs and next offset are one change', edits: [[STORE, 'next: batch.to, ', '']] },
  { rule: 'a fence is never lowered', edits: [[STORE, 'epoch > partition.epoch ?', 'epoch > 0 ?']] },
  {
    rule: 'an interval begins with its first offset',
    edits: [[MAP, 'intervals[at].from > offset', 'intervals[at].from >= offset']],
  },
  {
    rule: 'a canary is for its buckets alone',
    edits: [[MAP, 'return bucket < buckets', 'return bucket >= 0']],
  },
  { rule: 'an owner has read its own claim', edits: [[WORLD, ' || member.view < owned.claimedAt', '']] },
  {
    rule: 'of two claims of one epoch the first counts',
    edits: [[WORLD, ' || !isFirst(this.states, owned, partition)', '']],
  },
  {
    rule: 'an owner fences before it acknowledges',
    edits: [
      [WORLD, 'owned === null || owned.next < 0 || open === null', 'owned === null || open === null'],
      [WORLD, '{ partition, ...owned }, seen', '{ partition, ...owned, next: Math.max(0, owned.next) }, seen'],
    ],
  },
  {
    rule: 'a version is that of the map, not the newest',
    edits: [
      [
        WORLD,
        'this.protocol.versionAt(state.intervals[partition], offset, keyOf(offset)).version',
        'Math.max(...member.loaded)',
      ],
    ],
  },
  {
    rule: 'an owner that acknowledges makes a promise',
    edits: [[WORLD, 'owned.hold = { plan: open.plan, ceiling };', '']],
  },
  {
    rule: 'an owner loads the new version before it acknowledges',
    edits: [
      [WORLD, 'if (!member.loaded.has(open.to.version)) return null;', ''],
      [MEMBER, 'if (!isReady && !isEmpty)', 'if (false as boolean)'],
    ],
  },
];
