import { fnv1a32 } from '../../../src/base/hash/fnv.ts';
import type * as controlState from '../../../src/serving/streaming/control-state.ts';
import type { ControlRecord, ControlState, CutOver } from '../../../src/serving/streaming/control-state.ts';
import type * as memberStep from '../../../src/serving/streaming/member-step.ts';
import type { Hold } from '../../../src/serving/streaming/member-step.ts';
import type * as outputStore from '../../../src/serving/streaming/output-store.ts';
import type { OutputPartition } from '../../../src/serving/streaming/output-store.ts';
import type * as versionMap from '../../../src/serving/streaming/version-map.ts';
import type { Interval } from '../../../src/serving/streaming/version-map.ts';

/** The rules of streaming inference: the real ones, or with one of them broken. */
export type Protocol = typeof controlState & typeof memberStep & typeof outputStore & typeof versionMap;

export interface Output {
  readonly offset: number;
  readonly version: number;
}

/** A partition as its owner holds it in memory. */
export interface Ownership {
  readonly epoch: number;
  /** Place of its claim in the control log. */
  readonly claimedAt: number;
  /** −1 until it has fenced the partition. */
  next: number;
  hold: Hold | null;
  /** Scored, and not committed yet. */
  pending: { readonly from: number; readonly to: number; readonly outputs: readonly Output[] } | null;
}

export interface Member {
  /** How many records of the control log it has read. */
  view: number;
  readonly loaded: Set<number>;
  readonly owns: (Ownership | null)[];
}

/** What is under way: it arrives late, twice, or never. */
export type Flight =
  | { readonly kind: 'control'; readonly record: ControlRecord }
  | { readonly kind: 'fence'; readonly partition: number; readonly epoch: number }
  | {
      readonly kind: 'outputs';
      readonly partition: number;
      readonly epoch: number;
      readonly from: number;
      readonly to: number;
      readonly outputs: readonly Output[];
    };

/** A job with its members, coordinators, control log, output store and network, all in memory. */
export class World {
  readonly protocol: Protocol;
  readonly states: ControlState[];
  readonly ends: number[];
  readonly store: OutputPartition<Output>[];
  readonly members: Member[];
  /** What each coordinator has read of the control log. */
  readonly coordinators: number[];
  readonly flights: Flight[] = [];
  plans = 0;
  /** Whether partitions without more records have been so for long. */
  isIdle = false;
  /** The greatest epoch that ever fenced a partition, and whether an earlier owner committed after it. */
  readonly fences: number[];
  zombie: string | null = null;

  constructor(protocol: Protocol, size: { members: number; partitions: number; coordinators: number }) {
    this.protocol = protocol;
    this.states = [protocol.firstControl(size.partitions, { version: 1, digest: 'd1' })];
    this.ends = new Array<number>(size.partitions).fill(0);
    this.fences = this.ends.map(() => 0);
    this.store = this.ends.map(() => ({ epoch: 0, next: 0, outputs: [] }));
    this.members = Array.from({ length: size.members }, () => newMember(size.partitions));
    this.coordinators = new Array<number>(size.coordinators).fill(0);
  }

  get last(): ControlState {
    return this.states[this.states.length - 1];
  }

  append(record: ControlRecord): void {
    const before = this.last;
    let after = before;
    try {
      after = this.protocol.applyControl(before, record);
    } catch (error) {
      this.zombie ??= `I6: ${String(error)}`;
    }
    if (record.kind === 'plan' && before.open !== null && after !== before)
      if (record.replaces !== before.open.plan) this.zombie ??= 'I6: two plans are open';
    this.states.push(after);
  }

  /** A record's event time: in order within a partition. */
  firstAt(partition: number, next: number, at: number): number | null {
    const offset = Math.max(next, at);
    return offset < this.ends[partition] ? offset : null;
  }

  claim(m: number, partition: number): void {
    const member = this.members[m];
    const epoch = this.states[member.view].epochs[partition] + 1;
    this.append({ kind: 'claim', partition, epoch, member: String(m) });
    member.owns[partition] = { epoch, claimedAt: this.states.length - 1, next: -1, hold: null, pending: null };
  }

  /** Fences a partition once the member has read its own claim; gives up what another has claimed. */
  fence(m: number, partition: number): void {
    const member = this.members[m];
    const owned = member.owns[partition];
    if (owned === null || owned.next >= 0 || member.view < owned.claimedAt) return;
    if (this.states[owned.claimedAt].epochs[partition] !== owned.epoch || !isFirst(this.states, owned, partition)) {
      member.owns[partition] = null;
      return;
    }
    const store = this.protocol.fenced(this.store[partition], owned.epoch);
    this.store[partition] = store;
    this.fences[partition] = Math.max(this.fences[partition], owned.epoch);
    if (store.epoch === owned.epoch) owned.next = store.next;
    else member.owns[partition] = null;
  }

  read(m: number, to: number): void {
    const member = this.members[m];
    member.view = Math.max(member.view, to);
    const state = this.seen(member.view);
    for (const [partition, owned] of member.owns.entries()) {
      if (owned === null) continue;
      owned.hold = this.protocol.holdAfter(state, owned.hold);
      if (member.view >= owned.claimedAt && state.epochs[partition] > owned.epoch) member.owns[partition] = null;
    }
  }

  /** What a member knows of the control log: it never looks at acks. */
  seen(view: number): ControlState {
    const state = this.states[view];
    return state.open === null ? state : { ...state, open: { ...state.open, acks: [] } };
  }

  load(m: number, version: number): void {
    this.members[m].loaded.add(version);
  }

  /** The ack of an owner for the open plan that it sees; null: it has none to give. */
  ack(m: number, partition: number): ControlRecord | null {
    const member = this.members[m];
    const owned = member.owns[partition];
    const { open } = this.seen(member.view);
    if (owned === null || owned.next < 0 || open === null || owned.hold?.plan === open.plan) return null;
    if (!member.loaded.has(open.to.version)) return null;
    const end = this.ends[partition];
    const isIdle = () => this.isIdle && owned.next >= end;
    const seen = { end, firstAt: (at: number) => this.firstAt(partition, owned.next, at), isIdle };
    const ceiling = this.protocol.ceilingOf(open.cutOver, { partition, ...owned }, seen);
    if (ceiling === null) return null;
    if (ceiling === 'passed') return { kind: 'passed', plan: open.plan, partition, epoch: owned.epoch, at: owned.next };
    owned.hold = { plan: open.plan, ceiling };
    return { kind: 'ack', plan: open.plan, partition, epoch: owned.epoch, ceiling };
  }

  score(m: number, partition: number, most: number): void {
    const member = this.members[m];
    const owned = member.owns[partition];
    if (owned === null || owned.next < 0 || owned.pending !== null) return;
    const state = this.seen(member.view);
    const end = Math.min(this.ends[partition], owned.next + most);
    const isLoaded = (version: number) => member.loaded.has(version);
    const to = this.protocol.mayScoreTo(state, { partition, ...owned }, end, isLoaded);
    if (to <= owned.next) return;
    const outputs: Output[] = [];
    for (let offset = owned.next; offset < to; offset += 1)
      outputs.push({
        offset,
        version: this.protocol.versionAt(state.intervals[partition], offset, keyOf(offset)).version,
      });
    owned.pending = { from: owned.next, to, outputs };
    owned.next = to;
  }

  /** What is scored, as it is sent; null: nothing. */
  send(m: number, partition: number): Flight | null {
    const owned = this.members[m].owns[partition];
    if (owned === null || owned.pending === null) return null;
    const { pending, epoch } = owned;
    owned.pending = null;
    return { kind: 'outputs', partition, epoch, ...pending };
  }

  arrive(flight: Flight): void {
    if (flight.kind === 'control') return this.append(flight.record);
    const { partition, epoch } = flight;
    const known = this.store[partition];
    if (flight.kind === 'fence') this.store[partition] = this.protocol.fenced(known, epoch);
    else {
      this.store[partition] = this.protocol.withOutputs(known, flight);
      if (this.store[partition] !== known && epoch < this.fences[partition])
        this.zombie = `I5: an owner of epoch ${epoch} committed to partition ${partition} after one of ${this.fences[partition]}`;
    }
  }

  kill(m: number): void {
    this.members[m] = newMember(this.ends.length);
  }

  /** `replaces`: whether it takes the place of an open plan that the coordinator sees. */
  plan(c: number, version: number, cutOver: CutOver, replaces = false): ControlRecord {
    this.plans += 1;
    const { lastPlan, open } = this.states[this.coordinators[c]];
    const to = { version, digest: `d${version}` };
    const place = replaces && open !== null ? { replaces: open.plan } : {};
    return { kind: 'plan', plan: lastPlan + 1, to, cutOver, champion: null, ...place };
  }

  commit(c: number): ControlRecord | null {
    const state = this.states[this.coordinators[c]];
    const barriers = this.protocol.barriersOf(state);
    return state.open === null || barriers === null ? null : { kind: 'commit', plan: state.open.plan, barriers };
  }

  abort(c: number): ControlRecord | null {
    const { open } = this.states[this.coordinators[c]];
    return open === null ? null : { kind: 'abort', plan: open.plan };
  }
}

/** Whether a claim changed the state: of two claims of one epoch the first counts. */
function isFirst(states: readonly ControlState[], { claimedAt, epoch }: Ownership, partition: number): boolean {
  return states[claimedAt - 1].epochs[partition] < epoch;
}

function newMember(partitions: number): Member {
  // Version 1 is what a member is started with.
  return { view: 0, loaded: new Set([1]), owns: new Array<Ownership | null>(partitions).fill(null) };
}

/** Records of few keys. */
function keyOf(offset: number): string {
  return `k${offset % 11}`;
}

/** The first broken invariant; null: none is. `known`: this many states of the control log have been looked at. */
export function violation({ states, store, last, zombie }: World, known = 1): string | null {
  if (zombie !== null) return zombie;
  for (const [partition, { next, outputs }] of store.entries()) {
    if (outputs.length !== next) return `I1: partition ${partition} has ${outputs.length} outputs for ${next} offsets`;
    for (const [place, { offset, version }] of outputs.entries()) {
      if (offset !== place) return `I1: offset ${place} of partition ${partition} has the output of ${offset}`;
      const wanted = mappedVersion(last.intervals[partition], offset);
      if (version !== wanted)
        return `I2: offset ${offset} of partition ${partition} has version ${version}, not ${wanted}`;
    }
  }
  return brokenMap(states, known);
}

/** The version of an offset by the map, in other words than the rules have. */
function mappedVersion(intervals: readonly Interval[], offset: number): number {
  const [found] = intervals.filter(({ from }) => from <= offset).slice(-1);
  // No version at all: no output has it.
  if (found === undefined) return -1;
  const { version, canary } = found;
  if (canary === null) return version;
  return fnv1a32(`${canary.salt}\n${keyOf(offset)}`) % 10_000 < canary.buckets ? canary.version : version;
}

/** I3: intervals begin in order; a commit keeps the first ones, and adds one at most. That what was reached stays is I2. */
function brokenMap(states: readonly ControlState[], known: number): string | null {
  for (let at = known; at < states.length; at += 1) {
    const [before, after] = [states[at - 1], states[at]];
    if (before === after) continue;
    for (const [partition, intervals] of after.intervals.entries()) {
      const known = before.intervals[partition];
      if (known === intervals) continue;
      const kept = intervals.filter((interval, i) => interval === known[i]).length;
      if (kept === 0 || intervals.length > kept + 1) return `I3: partition ${partition} lost an interval`;
      for (let i = 1; i < intervals.length; i += 1)
        if (intervals[i].from < intervals[i - 1].from) return `I3: intervals of partition ${partition} overlap`;
    }
  }
  return null;
}

/** I4: an owner scored what it has not loaded. Looked at when it sends. */
export function unloaded({ members }: World, m: number, flight: Flight): string | null {
  if (flight.kind !== 'outputs') return null;
  const wrong = flight.outputs.find(({ version }) => !members[m].loaded.has(version));
  return wrong === undefined
    ? null
    : `I4: a member scored offset ${wrong.offset} by version ${wrong.version}, which it has not loaded`;
}
