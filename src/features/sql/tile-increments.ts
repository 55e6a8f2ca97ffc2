import { aggregateOf } from '../aggregate/aggregates.ts';
import type { EventSourceData, StreamViewData } from '../define/declaration.ts';
import { admission } from '../plan/admission.ts';
import { CHANGED, ID, JUDGED, keyColumn, LOG_OFFSET, PARTITION_NO, SIGN, sourceColumn, TS } from '../plan/names.ts';
import { partAggregate } from '../plan/parts.ts';
import { type ViewEventsPlan, type ViewInput, viewEvents } from '../plan/view-events.ts';
import { partsColumn, wholeTilePartials, wholeTileTable } from '../plan/whole-tiles.ts';
import { compileSteps, type Writers } from './compile.ts';
import type { Dialect } from './dialect.ts';
import { expressionSql } from './expression.ts';
import { type Fold, foldOf, incrementSql } from './increment.ts';
import { partElementSql } from './part.ts';
import { scanSql } from './scan.ts';
import { bigint, floorSql, selectList } from './text.ts';
import { seenSql } from './tiles.ts';

/** A table of tiles: the view's at one hop, and its name where they are written. */
export interface TileTarget {
  readonly view: StreamViewData;
  readonly hopMs: number;
  readonly name: string;
}

export interface TileIncrementsOptions {
  /** One of those of Spark: structs, arrays and JSON. */
  readonly dialect: Dialect;
  /** SQL text that stands for the deliveries that count, each id once, with the columns of the raw table but for the verdict. */
  readonly relation: string;
}

/** A column of a tile behind its key and start. */
export interface TileColumn {
  readonly name: string;
  readonly fold: Fold;
  /** Whether it is written as a number, or as text. */
  readonly bare: boolean;
}

/** The input from which a table of tiles is folded. */
export interface TileFolds {
  readonly columns: readonly TileColumn[];
  readonly multisets: readonly string[];
}

/**
 * The increments of each event to the tiles of all views of a source, for an engine that stores tiles itself. Rows have
 * `target` (its name), `tile_key` (a JSON object of the key), `tile_start`, `increments` (the text of each column of
 * `TileFolds`) and `elements` (the added element of each multiset, or null).
 */
export function tileIncrementsQuery(
  source: EventSourceData,
  targets: readonly TileTarget[],
  { dialect, relation }: TileIncrementsOptions,
): string {
  const accepted = admission(source, relation);
  const views = [...Map.groupBy(targets, ({ view }) => view)];
  const events = views.map(([view]) => viewEvents(view, view.aggregates, accepted));
  const inputs = sharedInputs(events);
  const { steps, select } = compileSteps(accepted, {
    ...dialect,
    writers: { ...dialect.writers, scan, admission: judged },
  });
  const ofViews = views.map(([view, of], i) => ofViewSql(view, of, events[i], inputs, dialect));
  return dialect.statement({
    steps: [
      ...steps,
      { name: 'accepted', sql: select },
      { name: 'events', sql: eventsSql(events, inputs, dialect) },
      { name: 'added', sql: `SELECT EXPLODE(ARRAY(\n  ${selectList(ofViews)}\n)) AS a\nFROM events` },
      {
        name: 'placed',
        sql: 'SELECT a.tile_key, a.increments, a.elements, EXPLODE(a.tiles) AS tile\nFROM added\nWHERE a IS NOT NULL',
      },
    ],
    select: `SELECT tile.target, tile_key, tile.tile_start, increments, elements\nFROM placed`,
  });
}

/** The input from which the tiles of a target are folded. Error: PLAN_NAME. */
export function tileFolds({ view, hopMs }: TileTarget): TileFolds {
  const { columns, multisets } = wholeTileTable(view, hopMs);
  const partials = wholeTilePartials(view, []);
  return {
    columns: [
      { name: 'n', fold: 'sum64', bare: true },
      { name: 'max_ts', fold: 'greatestLong', bare: true },
      ...partials.map((partial) => {
        const type = columns[partial.name];
        return { name: partial.name, fold: foldOf(partial), bare: type === 'BIGINT' || type === 'DOUBLE' };
      }),
    ],
    multisets,
  };
}

/** The mark of a verdict that the engine computed itself. */
const scan: Writers['scan'] = (plan, compiler) => {
  const own = Object.entries(plan.stored).filter(([name]) => !BESIDE.includes(name));
  return scanSql({ ...plan, stored: Object.fromEntries(own) }, compiler);
};

const BESIDE = [PARTITION_NO, LOG_OFFSET, JUDGED];

/** The relation has only deliveries that count: lateness is judged before the choice of the first. */
const judged: Writers['admission'] = (plan, compiler) => {
  const columns = Object.keys(plan.from.stored).filter((name) => !BESIDE.includes(name));
  return `SELECT\n  ${selectList(columns)}\nFROM ${compiler.step(plan.from)}`;
};

/** Each expression once, whichever views it is an input of. */
function sharedInputs(events: readonly ViewEventsPlan[]): readonly ViewInput[] {
  const texts = new Map<string, ViewInput>();
  for (const { expression } of events.flatMap(({ inputs }) => inputs)) {
    const text = JSON.stringify(expression);
    if (!texts.has(text)) texts.set(text, { name: `i_${texts.size}`, expression });
  }
  return [...texts.values()];
}

/** Time and id are the same for all views of a source. */
function eventsSql(
  [{ from, source, images }]: readonly ViewEventsPlan[],
  inputs: readonly ViewInput[],
  dialect: Dialect,
): string {
  const columns = [
    ...Object.keys(source).map(sourceColumn),
    `${images?.id ?? from.id} AS ${ID}`,
    `${images?.time ?? from.time} AS ${TS}`,
    ...(images === null
      ? []
      : [
          `${from.time} AS ${CHANGED}`,
          `CASE WHEN ${images.before} THEN ${bigint(-1)} ELSE ${bigint(1)} END AS ${SIGN}`,
        ]),
    ...inputs.map(({ name, expression }) => `${expressionSql(expression, source, dialect)} AS ${name}`),
  ];
  return `SELECT\n  ${selectList(columns)}\nFROM accepted`;
}

/** The effect of an event on the tiles of a view: null if it has no key. */
function ofViewSql(
  view: StreamViewData,
  targets: readonly TileTarget[],
  events: ViewEventsPlan,
  inputs: readonly ViewInput[],
  dialect: Dialect,
): string {
  const key = Object.keys(view.entity.key).map((name) => `${sourceColumn(view.key[name])} AS ${keyColumn(name)}`);
  const present = Object.keys(view.entity.key).map((name) => `${sourceColumn(view.key[name])} IS NOT NULL`);
  const tiles = targets.map(
    ({ name, hopMs }) => `STRUCT(${dialect.text(name)} AS target, ${floorSql(TS, hopMs)} AS tile_start)`,
  );
  const shared = { ...events, inputs };
  const increments = [
    "'1'",
    `CAST(${seenSql(events)} AS STRING)`,
    ...wholeTilePartials(view, inputs).map((partial) => incrementSql(partial, dialect)),
  ];
  const elements = view.aggregates.flatMap((spec) => {
    if (aggregateOf(spec).parts === null) return [];
    const aggregate = partAggregate(spec, shared);
    if (aggregate === null) throw new TypeError(`${partsColumn(spec.name)} has no elements`);
    return [partElementSql(aggregate, dialect)];
  });
  const struct = [
    `TO_JSON(STRUCT(${key.join(', ')})) AS tile_key`,
    `ARRAY(${tiles.join(', ')}) AS tiles`,
    `${textsSql(increments)} AS increments`,
    `${textsSql(elements)} AS elements`,
  ];
  return `CASE WHEN ${present.join(' AND ')} THEN STRUCT(${struct.join(', ')}) END`;
}

function textsSql(texts: readonly string[]): string {
  return `CAST(ARRAY(${texts.join(', ')}) AS ARRAY<STRING>)`;
}
