import { type Random, randomBelow, seededRandom } from '../../../src/base/rng.ts';
import type { CutOver } from '../../../src/serving/streaming/control-state.ts';
import { type Flight, type Protocol, unloaded, violation, World } from './world.ts';

const STEPS = 70;
const MOST_PLANS = 4;

/** How much trouble a run has: some runs have little of one kind and much of another. */
interface Trouble {
  readonly late: number;
  readonly moves: number;
  readonly kills: number;
}

const RATES = [0.02, 0.2, 0.6] as const;

function someTrouble(rng: Random): Trouble {
  const rate = () => RATES[randomBelow(rng, RATES.length)];
  return { late: rate(), moves: rate(), kills: rate() };
}

/** One random run: kills, stops, late and double messages, two coordinators, partitions that move. The first broken rule; null: none. */
export function simulate(protocol: Protocol, seed: number): string | null {
  const rng = seededRandom(seed);
  const trouble = someTrouble(rng);
  // Few partitions meet more of the same trouble.
  const partitions = rng() < 0.6 ? 1 : 1 + randomBelow(rng, 3);
  const world = new World(protocol, { members: 1 + randomBelow(rng, 3), partitions, coordinators: 2 });
  for (let step = 0; step < STEPS; step += 1) {
    const broken = act(world, rng, trouble);
    if (broken !== null) return broken;
  }
  return violation(world) ?? endsWell(world);
}

function act(world: World, rng: Random, trouble: Trouble): string | null {
  const m = randomBelow(rng, world.members.length);
  const p = randomBelow(rng, world.ends.length);
  const c = randomBelow(rng, world.coordinators.length);
  switch (randomBelow(rng, 8)) {
    case 0:
      world.ends[p] += 1 + randomBelow(rng, 4);
      return null;
    case 1:
      if (rng() < trouble.moves || !world.members.some(({ owns }) => owns[p] !== null)) world.claim(m, p);
      return null;
    case 2:
      if (rng() < trouble.kills) world.kill(m);
      return null;
    case 3:
      world.coordinators[c] = someView(rng, world.coordinators[c], world.states.length);
      return coordinate(world, rng, trouble, c);
    case 4:
      world.isIdle = rng() < 0.3;
      return land(world, rng);
    default:
      return memberTurn(world, rng, trouble, m, p);
  }
}

/** What a member does in a turn, of which any part may be left out: it may stop, or be slow, anywhere. */
function memberTurn(world: World, rng: Random, trouble: Trouble, m: number, p: number): string | null {
  const skips = () => rng() < 0.25;
  if (!skips()) world.read(m, someView(rng, world.members[m].view, world.states.length));
  if (!skips()) fence(world, rng, m, p);
  if (rng() < 0.4) world.load(m, rng() < 0.7 ? 1 + world.plans : 1 + randomBelow(rng, 1 + MOST_PLANS));
  const acked = skips() ? null : launch(world, rng, trouble, m, controlFlight(world.ack(m, p)));
  if (acked !== null) return acked;
  if (!skips()) world.score(m, p, 1 + randomBelow(rng, 4));
  return skips() ? null : launch(world, rng, trouble, m, world.send(m, p));
}

function someView(rng: Random, view: number, length: number): number {
  return rng() < 0.6 ? length - 1 : view + randomBelow(rng, length - view);
}

function coordinate(world: World, rng: Random, trouble: Trouble, c: number): string | null {
  const chance = rng();
  if (chance < 0.45 && world.plans < MOST_PLANS) {
    const cutOver = someCutOver(world, rng);
    const record = world.plan(c, 2 + world.plans, cutOver, rng() < 0.4);
    return launch(world, rng, trouble, 0, controlFlight(record));
  }
  if (chance < 0.55) return launch(world, rng, trouble, 0, controlFlight(world.abort(c)));
  return launch(world, rng, trouble, 0, controlFlight(world.commit(c)));
}

function someCutOver(world: World, rng: Random): CutOver {
  switch (randomBelow(rng, 9)) {
    case 0:
      return { kind: 'immediate' };
    case 6:
      return { kind: 'cancel' };
    case 7:
      // A typo.
      return { kind: 'at-offset', offsets: world.ends.map((end) => (rng() < 0.7 ? 1e9 : end + 3)) };
    case 1:
      return { kind: 'at-event-time', at: randomBelow(rng, 12) };
    case 2:
    case 3:
      return { kind: 'canary-keys', buckets: 5_000, salt: 's' };
    case 4:
      return { kind: 'at-offset', offsets: world.ends.map((end) => randomBelow(rng, end + 6)) };
    default:
      return { kind: 'at-offset', offsets: null };
  }
}

function controlFlight(record: Extract<Flight, { kind: 'control' }>['record'] | null): Flight | null {
  return record === null ? null : { kind: 'control', record };
}

/** A message arrives at once, or late; some twice, some never. */
function launch(world: World, rng: Random, { late }: Trouble, m: number, flight: Flight | null): string | null {
  if (flight === null) return null;
  const broken = unloaded(world, m, flight);
  if (broken !== null) return broken;
  const isLate = rng() < late;
  if (!isLate) world.arrive(flight);
  const chance = rng();
  if (isLate ? chance < 0.9 : chance < 0.1) world.flights.push(flight);
  return null;
}

/** A fence, which may arrive once more long after. */
function fence(world: World, rng: Random, m: number, p: number): void {
  world.fence(m, p);
  const owned = world.members[m].owns[p];
  if (owned !== null && rng() < 0.1) world.flights.push({ kind: 'fence', partition: p, epoch: owned.epoch });
}

function land(world: World, rng: Random): string | null {
  if (world.flights.length === 0) return null;
  const [flight] = world.flights.splice(randomBelow(rng, world.flights.length), 1);
  world.arrive(flight);
  return null;
}

/** After all trouble: one member takes everything over, a plan is rolled, and every record gets its output. */
function endsWell(world: World): string | null {
  for (const flight of world.flights.splice(0)) world.arrive(flight);
  const newest = () => world.states.length - 1;
  world.kill(0);
  world.read(0, newest());
  for (let version = 1; version <= 3 + MOST_PLANS; version += 1) world.load(0, version);
  for (const p of world.ends.keys()) world.claim(0, p);
  world.read(0, newest());
  for (const p of world.ends.keys()) world.fence(0, p);
  for (let round = 0; round < 4; round += 1) {
    for (const [p, end] of world.ends.entries()) {
      world.ends[p] = end + 12;
      const ack = world.ack(0, p);
      if (ack !== null) world.append(ack);
      world.score(0, p, 1_000);
      const sent = world.send(0, p);
      if (sent !== null) world.arrive(sent);
    }
    world.coordinators[0] = newest();
    const commit = world.commit(0);
    if (commit !== null) world.append(commit);
    world.coordinators[0] = newest();
    // Whatever was planned before: an absurd offset, an event time that never comes.
    if (round === 0) world.append(world.plan(0, 2 + MOST_PLANS, { kind: 'immediate' }, true));
    world.read(0, newest());
  }
  for (const p of world.ends.keys()) {
    world.score(0, p, 1_000);
    const sent = world.send(0, p);
    if (sent !== null) world.arrive(sent);
  }
  const stuck = world.store.findIndex(({ next }, p) => next !== world.ends[p]);
  if (stuck >= 0) return `stuck: partition ${stuck} stands at ${world.store[stuck].next} of ${world.ends[stuck]}`;
  if (world.last.open !== null) return 'stuck: a plan stays open';
  const behind = world.store.findIndex(({ outputs }) => outputs.at(-1)?.version !== 2 + MOST_PLANS);
  if (behind >= 0) return `stuck: the last roll has not begun in partition ${behind}`;
  return violation(world);
}
