import { hash } from 'node:crypto';
import { compareText } from '../../../src/base/text-order.ts';
import type { ControlRecord, ControlState, CutOver } from '../../../src/serving/streaming/control-state.ts';
import { type Member, type Protocol, unloaded, violation, World } from './world.ts';

/** The bounds of an exhaustive search. */
export interface Bounds {
  readonly members: number;
  readonly partitions: number;
  /** One for each plan, in their order. */
  readonly plans: readonly CutOver[];
  /** Of each partition. */
  readonly records: number;
  /** Claims of each partition. */
  readonly claims: number;
  /** States after which the search gives up. */
  readonly most: number;
}

/** A step that a world can make; gives a broken rule, null where none is, or that nothing has changed. */
type Step = (world: World) => string | null | typeof SAME;

const SAME = Symbol('nothing has changed');

/** Looks at every state that steps in any order can reach. The first broken rule, and the number of states. */
export function explore(
  protocol: Protocol,
  bounds: Bounds,
): { readonly broken: string | null; readonly states: number; readonly isWhole: boolean } {
  const first = new World(protocol, { members: bounds.members, partitions: bounds.partitions, coordinators: 1 });
  first.ends.fill(bounds.records);
  const seen = new Set([keyOfWorld(first, bounds.claims)]);
  const waiting = [first];
  for (let world = waiting.pop(); world !== undefined; world = waiting.pop()) {
    for (const step of stepsOf(world, bounds)) {
      const next = copyOf(world);
      const outcome = step(next);
      if (outcome === SAME) continue;
      const broken = outcome ?? violation(next, world.states.length);
      if (broken !== null) return { broken, states: seen.size, isWhole: false };
      const key = keyOfWorld(next, bounds.claims);
      if (seen.has(key)) continue;
      if (seen.size >= bounds.most) return { broken: null, states: seen.size, isWhole: false };
      seen.add(key);
      waiting.push(next);
    }
  }
  return { broken: null, states: seen.size, isWhole: true };
}

function stepsOf(world: World, { plans, claims }: Bounds): readonly Step[] {
  const newest = world.states.length - 1;
  const steps: Step[] = [];
  for (const [m, member] of world.members.entries()) {
    if (member.view < newest) steps.push(quiet((w) => w.read(m, w.states.length - 1)));
    // A load changes nothing before the member has seen its version: it may as well come then.
    for (const version of wantedBy(world, member))
      if (!member.loaded.has(version)) steps.push(quiet((w) => w.load(m, version)));
    for (const [p, owned] of member.owns.entries()) {
      if (owned === null && world.last.epochs[p] < claims) steps.push(quiet((w) => w.claim(m, p)));
      if (owned === null) continue;
      if (owned.next < 0) steps.push(quiet((w) => w.fence(m, p)));
      steps.push((w) => appended(w, w.ack(m, p)));
      if (owned.pending === null) steps.push((w) => scored(w, m, p));
      else steps.push((w) => sent(w, m, p));
    }
  }
  if (world.last.open === null && world.plans < plans.length)
    steps.push(quiet((w) => w.append(planned(w, plans[w.plans]))));
  if (world.last.open !== null) {
    steps.push(committed);
    steps.push(quiet((w) => w.append({ kind: 'abort', plan: w.last.lastPlan })));
  }
  return steps;
}

/** Versions that a member has seen in the control log. */
function wantedBy(world: World, { view }: Member): ReadonlySet<number> {
  const { open, intervals } = world.seen(view);
  const listed = intervals
    .flat()
    .flatMap(({ version, canary }) => [version, ...(canary === null ? [] : [canary.version])]);
  return new Set(open === null ? listed : [open.to.version, ...listed]);
}

function quiet(step: (world: World) => void): Step {
  return (world) => {
    step(world);
    return null;
  };
}

function sent(world: World, m: number, p: number): string | null {
  const flight = world.send(m, p);
  if (flight === null) return null;
  const broken = unloaded(world, m, flight);
  world.arrive(flight);
  return broken;
}

function planned(world: World, cutOver: CutOver) {
  world.coordinators[0] = world.states.length - 1;
  return world.plan(0, 2 + world.plans, cutOver);
}

function committed(world: World) {
  world.coordinators[0] = world.states.length - 1;
  return appended(world, world.commit(0));
}

function appended(world: World, record: ControlRecord | null) {
  if (record === null) return SAME;
  world.append(record);
  return null;
}

function scored(world: World, m: number, p: number) {
  world.score(m, p, 1);
  return world.members[m].owns[p]?.pending === null ? SAME : null;
}

function copyOf(world: World): World {
  const copy: World = Object.create(World.prototype);
  return Object.assign(copy, {
    ...world,
    states: [...world.states],
    ends: [...world.ends],
    store: [...world.store],
    fences: [...world.fences],
    coordinators: [...world.coordinators],
    flights: [],
    members: world.members.map(({ view, loaded, owns }) => ({
      view,
      loaded: new Set(loaded),
      owns: owns.map((owned) => (owned === null ? null : { ...owned })),
    })),
  });
}

/**
 * What a world will do from now on. Members that differ in their numbers alone are the same, and so are partitions. A member that owns
 * nothing, and can claim nothing any more, does nothing.
 */
function keyOfWorld(world: World, claims: number): string {
  const keys = ORDERS[world.ends.length - 1].map((order) => keyInOrder(world, order, claims));
  return hash(
    'md5',
    keys.reduce((least, key) => (compareText(key, least) < 0 ? key : least)),
    'base64',
  );
}

function keyInOrder(world: World, o: Order, claims: number): string {
  const order = o.places;
  const { states, members, store, fences, plans, zombie, ends } = world;
  const newest = stateKey(states[states.length - 1], o);
  const isClaimed = world.last.epochs.every((epoch) => epoch >= claims);
  const each = members.map(({ view, loaded, owns }) => {
    if (isClaimed && owns.every((owned) => owned === null)) return 'gone';
    const seen = stateKey(states[view], o).seen;
    return JSON.stringify([
      seen === newest.seen ? null : seen,
      [...loaded].sort((a, b) => a - b),
      order.map((p) => {
        const owned = owns[p];
        return owned && [owned.epoch, view >= owned.claimedAt, owned.next, owned.hold, owned.pending];
      }),
    ]);
  });
  const placed = order.map((p) => [store[p], fences[p], ends[p]]);
  return JSON.stringify([newest.whole, each.sort(compareText), placed, plans, zombie]);
}

/** A control state with its partitions in an order, and what members see of it. */
function stateKey(state: ControlState, { places, known }: Order): StateKey {
  const found = known.get(state);
  if (found !== undefined) return found;
  const { epochs, intervals, open, lastPlan } = state;
  const map = places.map((p) => [epochs[p], intervals[p]]);
  const seen = JSON.stringify([map, open === null ? null : [open.plan, open.to, open.cutOver]]);
  const whole = JSON.stringify([seen, open === null ? null : places.map((p) => open.acks[p]), lastPlan]);
  const key = { whole, seen };
  known.set(state, key);
  return key;
}

interface StateKey {
  readonly whole: string;
  readonly seen: string;
}

/** Partitions in an order, and the keys of states in it. */
interface Order {
  readonly places: readonly number[];
  readonly known: WeakMap<ControlState, StateKey>;
}

const ORDERS = [
  [[0]],
  [
    [0, 1],
    [1, 0],
  ],
  [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ],
].map((orders) => orders.map((places): Order => ({ places, known: new WeakMap() })));
