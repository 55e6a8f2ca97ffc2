import { ASKED, TS } from '../plan/names.ts';
import type { PartAggregate } from '../plan/parts.ts';
import type { PointsPlan, PointWindow } from '../plan/points.ts';
import { bucketed, bucketJoin } from './bucket-join.ts';
import type { Compiler } from './compile.ts';
import { tileFoldSql } from './part.ts';
import { latestSql } from './parts.ts';
import { arrivedTests } from './points.ts';
import { columnsOf, floorSql, onEqual } from './text.ts';

/** About how many tiles of a length make one of the next. */
const TILES = 16;

/** Lengths below that of a hop, and above it where a window has no beginning. */
const FINER = 2;
const COARSER = 2;

/** Parts of events that fold to the parts of a window. */
interface TiledParts {
  readonly points: PointsPlan;
  readonly window: PointWindow;
  readonly aggregate: PartAggregate;
  /** The step with the parts of the events. */
  readonly parts: string;
}

/**
 * The parts that each point folds: those of closed tiles, long ones first, and those of the events after the last tile that ends
 * before the point. So a row costs about as much as its parts, not as the events of its window. A SELECT of the point, `part`, `val`.
 */
export function tiledPartsSql(of: TiledParts, compiler: Compiler): string {
  const { points, window } = of;
  const lengths = tileLengths(window);
  const tiles = tileSteps(of, lengths, compiler);
  const selects = tiles.map((step, i) => {
    const before = `e.${TS} < ${floorSql('p.until', lengths[i])}`;
    if (i > 0) return joinedSql(of, compiler.step(points), step, [sameTile(lengths[i - 1]), from(window), before]);
    const { left, right, on } = bucketJoin(compiler.step(points), step, [window], compiler);
    return joinedSql(of, left, right, [...on, before]);
  });
  return [...selects, restSql(of, lengths.at(-1) ?? 1, compiler)].join('\nUNION ALL\n');
}

/** Lengths of tiles, descending; each is a multiple of the next, and the hop of the window is among them. */
function tileLengths({ windowMs, hopMs }: PointWindow): readonly number[] {
  const lengths = [hopMs];
  for (let i = 0; i < COARSER && windowMs === null; i += 1) lengths.unshift(lengths[0] * TILES);
  for (let i = 0; i < FINER; i += 1) {
    const last = lengths.at(-1) ?? 1;
    const next = divisorBelow(last, last / TILES);
    if (next <= 1) break;
    lengths.push(next);
  }
  return lengths;
}

/** The greatest divisor of a length up to a bound; 1 where it has none. */
function divisorBelow(length: number, bound: number): number {
  for (let parts = Math.ceil(length / bound); parts <= TILES * TILES; parts += 1) {
    if (length % parts === 0) return length / parts;
  }
  return 1;
}

/** A step of the tiles of each length, made of the next finer ones. */
function tileSteps(
  { points, aggregate, parts }: TiledParts,
  lengths: readonly number[],
  compiler: Compiler,
): readonly string[] {
  const keys = points.keys.map(({ name }) => name);
  const steps: string[] = [];
  let finer = parts;
  for (const length of lengths.toReversed()) {
    const start = floorSql(TS, length);
    const folded = compiler.add(
      'tiled_parts',
      `SELECT ${[...keys, `${start} AS ${TS}`, 'part', `${tileFoldSql(aggregate, compiler.dialect)} AS val`].join(', ')}
FROM ${finer}
GROUP BY ${[...keys, start, 'part'].join(', ')}`,
    );
    finer =
      aggregate.kind === 'lastN'
        ? compiler.add('latest_of_tiles', latestSql(folded, [...keys, TS], aggregate.params.n ?? 1))
        : folded;
    steps.unshift(finer);
  }
  return steps;
}

/** The events after the last tile; those of which it depends whether they had arrived are among them. */
function restSql(of: TiledParts, length: number, compiler: Compiler): string {
  const { points, window, parts } = of;
  const own = [from(window), `e.${TS} < p.${ASKED}`];
  if (points.arrived === null) return joinedSql(of, compiler.step(points), parts, [sameTile(length), ...own]);
  const known = [`e.${TS} >= ${floorSql('p.until', length)}`, ...own, ...arrivedTests(points)];
  const { left, right, on } = bucketed(
    compiler.step(points),
    parts,
    points.arrived.latenessMs + length,
    known,
    compiler,
  );
  return joinedSql(of, left, right, on);
}

function joinedSql({ points }: TiledParts, left: string, right: string, on: readonly string[]): string {
  const keys = points.keys.map(({ name }) => name);
  return `SELECT ${[...columnsOf('p', [...keys, ASKED]), 'e.part AS part', 'e.val AS val'].join(', ')}
FROM ${left} AS p
JOIN ${right} AS e ON ${[onEqual('p', 'e', keys), ...on].join(' AND ')}`;
}

/** The tile of this length in which the closed events of a point end. */
function sameTile(length: number): string {
  return `${floorSql(`e.${TS}`, length)} = ${floorSql('p.until', length)}`;
}

function from(window: PointWindow): string {
  return `e.${TS} >= p.${window.from}`;
}
