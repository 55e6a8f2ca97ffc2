import type { MaybePromise } from '../../base/maybe-promise.ts';
import { COUNT } from '../../features/tile/tile-layout.ts';
import type { TileRun } from '../../features/tile/tile-run.ts';
import type { TileRead } from '../../ports/online-store.ts';
import type { AddedFrom, SharedAddition, SharedKey, ShareWrite, TileShares } from '../../ports/tile-shares.ts';
import { type Contract, mustEqual, mustFail } from './contract.ts';
import { contractLayout, contractTile } from './contract-tiles.ts';

/** The subject: a store whose tiles are divided into this many shares, empty at first, and its possible faults. */
export interface TileSharesSubject {
  /** Does what the process that serves does when it starts, and again after a loss. */
  serve(shares: number): MaybePromise<unknown>;
  /** Opens it for one of the processes that write. */
  open(shares: number): MaybePromise<TileShares>;
  /** The freshness for a reader, and the tiles that it finds. */
  read(tiles: TileRead): MaybePromise<SharesAnswer>;
  /** Loses everything that the store holds, as a flush does. */
  lose(): MaybePromise<unknown>;
  close(): MaybePromise<unknown>;
}

/** A part of an answer of a store behind a network. */
export interface SharesAnswer {
  readonly degraded: boolean;
  readonly freshUntil: number;
  readonly run: TileRun;
}

const SHARES = 2;
const HOP_MS = 60_000;

/** The rules of `ports/tile-shares.ts`. */
export const tileSharesContracts: readonly Contract<TileSharesSubject, 'adds'>[] = [
  {
    rule: 1,
    name: 'a tile follows the versioned upsert, whoever writes it, and a position is committed with its tiles',
    needs: [],
    run: async (subject) => {
      await subject.serve(SHARES);
      const [one, other] = [await subject.open(SHARES), await subject.open(SHARES)];
      await one.take([0], false);
      await other.take([1], false);
      const outcomes = (report: Awaited<ReturnType<TileShares['write']>>) => report && { ...report };
      const applied = { applied: 1, duplicate: 0, stale: 0, conflict: 0 };
      mustEqual(outcomes(await one.write(writeOf([0], 5, [tileOf('u', 3)]))), applied, 'the first write');
      mustEqual(outcomes(await other.write(writeOf([1], 5, [tileOf('u', 4)]))), applied, 'a newer one of another');
      const stale = { ...applied, applied: 0, stale: 1 };
      mustEqual(outcomes(await one.write(writeOf([0], 6, [tileOf('u', 3)]))), stale, 'the older one again');
      mustEqual((await readOf(subject, 'u')).events, 4, 'events of the tile');
      mustEqual((await other.take([0], false)).get(0), { t: 6 }, 'the place');
      await endAll(subject, one, other);
    },
  },
  {
    rule: 2,
    name: 'a new owner of a share starts at the last position, and the old owner is rejected',
    needs: [],
    run: async (subject) => {
      await subject.serve(SHARES);
      const [one, other] = [await subject.open(SHARES), await subject.open(SHARES)];
      mustEqual([...(await one.take([0, 1], false))], shareList(null, null), 'places at first');
      await one.write(writeOf([0, 1], 7, []));
      mustEqual([...(await other.take([1], false))], [[1, { t: 7 }]], 'the place that is taken');
      mustEqual(await one.write(writeOf([0, 1], 9, [tileOf('u', 2)])), null, 'a write of who had it');
      mustEqual([...(await other.take([0], false))], [[0, { t: 7 }]], 'a place of that write');
      await other.write(writeOf([0, 1], 8, []));
      mustEqual([...(await one.take([0, 1], false))], shareList({ t: 8 }, { t: 8 }), 'places at last');
      await endAll(subject, one, other);
    },
  },
  {
    rule: 3,
    name: 'the tiles are as fresh as the least fresh share, once all shares have reported',
    needs: [],
    run: async (subject) => {
      await subject.serve(SHARES);
      const [one, other] = [await subject.open(SHARES), await subject.open(SHARES)];
      const fresh = async () => (await readOf(subject, 'u')).freshUntil;
      await one.take([0], false);
      await one.write({ ...writeOf([0], 1, []), freshUntil: 2_000 });
      mustEqual(await fresh(), Number.NEGATIVE_INFINITY, 'before the second has said it');
      await other.take([1], false);
      await other.write({ ...writeOf([1], 1, []), freshUntil: 1_000 });
      mustEqual(await fresh(), 1_000, 'of both');
      await other.write({ ...writeOf([1], 2, []), freshUntil: 3_000 });
      mustEqual(await fresh(), 2_000, 'when the second has come on');
      await one.write(writeOf([0], 2, []));
      mustEqual(await fresh(), 2_000, 'when the first does not say it');
      await one.take([1], false);
      mustEqual(await fresh(), 2_000, 'when the first has taken the second');
      await endAll(subject, one, other);
    },
  },
  {
    rule: 4,
    name: 'answers are degraded until each share is whole, and again after a loss',
    needs: [],
    run: async (subject) => {
      await subject.serve(SHARES);
      const [one, other] = [await subject.open(SHARES), await subject.open(SHARES)];
      const degraded = async () => (await readOf(subject, 'u')).degraded;
      const whole = async (shares: TileShares, share: number) =>
        shares.write({ ...writeOf([share], 3, [tileOf('u', 2)]), isWhole: true });
      mustEqual([await degraded(), await takes(one, 0), await takes(other, 1)], [true, null, null], 'at first');
      await whole(one, 0);
      mustEqual(await degraded(), true, 'with one whole');
      await whole(other, 1);
      mustEqual(await degraded(), false, 'with both whole');
      mustEqual([await takes(one, 1), await degraded()], [{ t: 3 }, false], 'when a share is taken');
      await subject.lose();
      mustEqual(await degraded(), true, 'after the loss');
      await mustFail('TILES_CLOSED', () => whole(one, 0), 'a write after the loss');
      await subject.serve(SHARES);
      mustEqual(await whole(one, 0), null, 'a write of a share that is as nobody left it');
      mustEqual([await takes(one, 0), await takes(other, 1)], [null, null], 'places after the loss');
      await whole(one, 0);
      mustEqual(await degraded(), true, 'with one whole again');
      await whole(other, 1);
      mustEqual([await degraded(), (await readOf(subject, 'u')).events], [false, 2], 'with both whole again');
      await one.take([0], true);
      mustEqual(await degraded(), true, 'when a share is not trusted');
      await endAll(subject, one, other);
    },
  },
  {
    rule: 5,
    name: 'no write is accepted before the serving process has opened the store',
    needs: [],
    run: async (subject) => {
      const one = await subject.open(SHARES);
      await mustFail('TILES_CLOSED', () => one.take([0], false), 'before it has');
      await subject.serve(SHARES);
      mustEqual(await takes(one, 0), null, 'when it has');
      await endAll(subject, one);
    },
  },
  {
    rule: 6,
    name: 'a key is written with what it covers if nobody wrote it since it was read, and is given back otherwise',
    needs: ['adds'],
    run: async (subject) => {
      await subject.serve(SHARES);
      const [one, other] = [await subject.open(SHARES), await subject.open(SHARES)];
      await one.take([0], false);
      await other.take([1], false);
      const [absent] = await one.load([U]);
      mustEqual([absent.stamp, absent.covers, absent.runs.map(({ length }) => length)], [null, [], [0, 0]], 'no key');
      mustEqual(await one.add([additionTo(absent, 2, [7])], from(0)), [], 'left of the first');
      mustEqual(await other.add([additionTo(absent, 3, [0, 9])], from(1)).then(namesOf), ['u'], 'left of a late one');
      mustEqual((await readOf(subject, 'u')).events, 2, 'events after it');
      const [found, lone] = await other.load([U, { ...U, key: 'v' }]);
      mustEqual([found.covers, eventsOf(found), eventsOf(lone)], [[7], 2, 0], 'what is read again');
      const both = [additionTo(found, 5, [7, 9]), additionTo(lone, 1, [0, 9])];
      mustEqual(await other.add(both, from(1)), [], 'left of the second');
      const [again] = await one.load([U]);
      mustEqual([again.covers, eventsOf(again)], [[7, 9], 5], 'what both have');
      await endAll(subject, one, other);
    },
  },
  {
    rule: 7,
    name: 'a process whose share is another’s, or was lost, adds nothing',
    needs: ['adds'],
    run: async (subject) => {
      await subject.serve(SHARES);
      const [one, other] = [await subject.open(SHARES), await subject.open(SHARES)];
      await one.take([0, 1], false);
      const [read] = await one.load([U]);
      await other.take([1], false);
      mustEqual(await one.add([additionTo(read, 2, [7])], from(0, 1)), null, 'with a share that another has');
      mustEqual(await one.add([additionTo(read, 2, [7])], from(0)), [], 'left, from its own');
      mustEqual((await readOf(subject, 'u')).events, 2, 'events from its own');
      await subject.lose();
      await mustFail('TILES_CLOSED', () => one.add([additionTo(read, 3, [8])], from(0)), 'after a loss');
      await subject.serve(SHARES);
      mustEqual(await one.add([additionTo(read, 3, [8])], from(0)), null, 'of a share that nobody left so');
      mustEqual((await readOf(subject, 'u')).events, 0, 'events after the loss');
      await endAll(subject, one, other);
    },
  },
];

const U = { layout: contractLayout, key: 'u' };

/** A tile of `n` events in place of those of a key. */
function additionTo(to: SharedKey, n: number, covers: readonly number[]): SharedAddition {
  return { to, tiles: [tileOf(to.key, n)], covers };
}

function from(...shares: readonly number[]): AddedFrom {
  return { shares, now: HOP_MS };
}

function namesOf(left: readonly SharedAddition[] | null): readonly string[] | null {
  return left?.map(({ to }) => to.key) ?? null;
}

/** The events of the first tile. */
function eventsOf({ runs: [first] }: SharedKey): number {
  return first.length === 0 ? 0 : first.nums[COUNT];
}

function tileOf(key: string, n: number) {
  return contractTile(HOP_MS, key, 0, n);
}

function writeOf(shares: readonly number[], at: number, tiles: ShareWrite['tiles']): ShareWrite {
  const places = new Map(shares.map((share) => [share, { t: at }]));
  return { tiles, places, freshUntil: null, now: HOP_MS, isWhole: false };
}

async function takes(shares: TileShares, share: number): Promise<unknown> {
  return (await shares.take([share], false)).get(share);
}

function shareList(...places: readonly unknown[]): readonly unknown[] {
  return places.map((place, share) => [share, place]);
}

async function endAll(subject: TileSharesSubject, ...shares: readonly TileShares[]): Promise<void> {
  for (const each of shares) await each.close();
  await subject.close();
}

/** The freshness for a reader, and the number of events in a key's first tile; 0: there is none. */
async function readOf(subject: TileSharesSubject, key: string) {
  const all = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
  const { degraded, freshUntil, run } = await subject.read({ layout: contractLayout, hopMs: HOP_MS, key, ...all });
  return { degraded, freshUntil, events: run.length === 0 ? 0 : run.nums[COUNT] };
}
