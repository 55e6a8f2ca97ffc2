import { compareText } from '../../../src/base/text-order.ts';
import type { CutOver } from '../../../src/serving/streaming/control-state.ts';
import { type Protocol, unloaded, violation, World } from './world.ts';

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

/** A step that a world can make; gives a broken rule. */
type Step = (world: World) => string | null;

/** Looks at every state that steps in any order can reach. The first broken rule, and the number of states. */
export function explore(
  protocol: Protocol,
  bounds: Bounds,
): { readonly broken: string | null; readonly states: number; readonly isWhole: boolean } {
  const first = new World(protocol, { members: bounds.members, partitions: bounds.partitions, coordinators: 1 });
  first.ends.fill(bounds.records);
  const seen = new Set([keyOfWorld(first)]);
  const waiting = [first];
  for (let world = waiting.pop(); world !== undefined; world = waiting.pop()) {
    for (const step of stepsOf(world, bounds)) {
      const next = copyOf(world);
      const broken = step(next) ?? violation(next);
      if (broken !== null) return { broken, states: seen.size, isWhole: false };
      const key = keyOfWorld(next);
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
    for (let version = 2; version < 2 + plans.length; version += 1)
      if (!member.loaded.has(version) && world.plans > version - 2) steps.push(quiet((w) => w.load(m, version)));
    for (const [p, owned] of member.owns.entries()) {
      if (owned === null && world.last.epochs[p] < claims) steps.push(quiet((w) => w.claim(m, p)));
      if (owned === null) continue;
      if (owned.next < 0) steps.push(quiet((w) => w.fence(m, p)));
      steps.push(
        quiet((w) => {
          const ack = w.ack(m, p);
          if (ack !== null) w.append(ack);
        }),
      );
      if (owned.pending === null) steps.push(quiet((w) => w.score(m, p, 1)));
      else steps.push((w) => sent(w, m, p));
    }
  }
  if (world.last.open === null && world.plans < plans.length)
    steps.push(quiet((w) => w.append(planned(w, plans[w.plans]))));
  if (world.last.open !== null) {
    steps.push(quiet((w) => committed(w)));
    steps.push(quiet((w) => w.append({ kind: 'abort', plan: w.last.lastPlan })));
  }
  return steps;
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

function committed(world: World): void {
  world.coordinators[0] = world.states.length - 1;
  const commit = world.commit(0);
  if (commit !== null) world.append(commit);
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

/** What a world will do from now on: members that differ in their numbers alone are the same. */
function keyOfWorld({ states, members, store, fences, plans, zombie }: World): string {
  const last = states[states.length - 1];
  const each = members.map(({ view, loaded, owns }) =>
    JSON.stringify([
      states[view] === last ? null : states[view],
      [...loaded].sort((a, b) => a - b),
      owns.map((owned) => owned && [owned.epoch, view >= owned.claimedAt, owned.next, owned.hold, owned.pending]),
    ]),
  );
  return JSON.stringify([last, each.sort(compareText), store, fences, plans, zombie]);
}
