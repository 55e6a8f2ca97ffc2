import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { ColumnValue, PartialColumn } from '../../features/aggregate/aggregate.ts';
import type { AggregateSpec } from '../../features/define/declaration.ts';
import { KEY_PREFIX } from '../../features/plan/names.ts';
import { isEvents, partsColumn } from '../../features/plan/whole-tiles.ts';
import { type SqlValue, valueDecoder } from '../../features/sql/decode.ts';
import { type Multiset, readParts } from '../../features/sql/part-element.ts';
import { COUNT, MAX_TS, type TileLayout } from '../../features/tile/tile-layout.ts';
import { emptyRun, type TileRun, tileAt } from '../../features/tile/tile-run.ts';
import type { TileWrite } from '../../ports/online-store.ts';
import { entityKeyCodec } from '../../schema/entity-key.ts';
import { parseJsonExact } from '../../schema/json-exact.ts';

type Row = Readonly<Record<string, unknown>>;

const EVENTS_PER_GENERATION = 2n ** 40n;

/** Reads the records of a view's tile topic at one hop. Error: TILES_RECORD. */
export function tileReader(layout: TileLayout, hopMs: number, topic: string): (value: Uint8Array) => TileWrite {
  const keyOf = keyReader(layout);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  return (value) => {
    try {
      const row = rowOf(parseJsonExact(decoder.decode(value)));
      const key = keyOf(row);
      const run = emptyRun(layout);
      const index = readTile(layout, row, run);
      return { layout, hopMs, key, run, index };
    } catch (error) {
      throw fail('TILES_RECORD', { topic, reason: reasonOf(error) }, error);
    }
  };
}

function keyReader({ view }: TileLayout): (row: Row) => string {
  const { key } = view.entity;
  const columns = Object.entries(key).map(([name, spec]) => ({
    name: `${KEY_PREFIX}${name}`,
    decode: valueDecoder(spec),
  }));
  const { encode } = entityKeyCodec(key);
  return (row) => {
    const encoded = encode(columns.map(({ name, decode }) => decode(scalarOf(row, name))));
    if (encoded === null) throw new TypeError('a part of its key is null');
    return encoded;
  };
}

function readTile(layout: TileLayout, row: Row, run: TileRun): number {
  const generation = Number(wholeOf(row, 'version') / EVENTS_PER_GENERATION);
  const index = tileAt(run, layout, Number(wholeOf(row, 'tile_start')), generation);
  const at = index * layout.numbers;
  run.nums[at + COUNT] = Number(wholeOf(row, 'n'));
  run.nums[at + MAX_TS] = Number(wholeOf(row, 'max_ts'));
  layout.partials.forEach(({ aggregate, num, obj }, i) => {
    const spec = layout.view.aggregates[i];
    const [n, o] = [at + num, index * layout.objects + obj];
    if (aggregate.columns.length > 0)
      aggregate.fromColumns(
        run,
        n,
        o,
        aggregate.columns.map((column) => columnOf(row, spec, column)),
      );
    aggregate.parts?.fromParts(run, n, o, readParts(spec, multisetOf(row, partsColumn(spec.name))));
  });
  return index;
}

function columnOf(row: Row, spec: AggregateSpec, { suffix, type }: PartialColumn): ColumnValue {
  const name = isEvents(spec, suffix) ? 'n' : `${spec.name}_${suffix}`;
  if (row[name] === null) return null;
  switch (type) {
    case 'BIGINT':
    case 'DECIMAL':
      return wholeOf(row, name);
    case 'DOUBLE':
      return Number(scalarOf(row, name));
    case 'STRING':
      return String(scalarOf(row, name));
    default:
      return type satisfies never;
  }
}

function wholeOf(row: Row, name: string): bigint {
  const value = row[name];
  if (typeof value === 'bigint' || typeof value === 'string' || Number.isSafeInteger(value))
    return BigInt(value as bigint | string | number);
  throw new TypeError(`its ${name} is no whole number`);
}

function scalarOf(row: Row, name: string): SqlValue {
  const value = row[name];
  if (value === null || typeof value === 'bigint' || typeof value === 'number') return value;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  throw new TypeError(`it has no ${name}`);
}

/** A multiset without elements is null. */
function multisetOf(row: Row, name: string): Multiset {
  const value = row[name];
  if (value === null) return [];
  if (typeof value !== 'object') throw new TypeError(`it has no ${name}`);
  return Object.entries(value).map(([element, times]) => [element, BigInt(times)] as const);
}

function rowOf(value: unknown): Row {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('it is no JSON object');
  return value as Row;
}
