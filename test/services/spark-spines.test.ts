// @module-tag deep

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FeatureServiceData } from '../../src/features/define/declaration.ts';
import type { ReadMode } from '../../src/features/plan/stream-read.ts';
import { joinSpine } from '../../src/featurestore/training-set/join-spine.ts';
import type { HistoryEngine } from '../../src/ports/history-engine.ts';
import type { Columns, Value } from '../../src/schema/column.ts';
import { askedSpan } from '../../src/schema/instant.ts';
import { bool, decimal, embedding, float, int64, viewOf } from '../sql/declare.ts';
import type { LoggedDelivery } from '../sql/duckdb.ts';
import { everyAggregate, source } from '../sql/streams.ts';
import { streams } from './parity-definitions.ts';
import { SparkSite, ways } from './spark-site.ts';
import { askingSource, modelOf } from './training-model.ts';

describe.each(ways)('%s', (way) => {
  let site: SparkSite;
  beforeAll(async () => {
    site = await SparkSite.open(way);
  });
  afterAll(() => site.end());

  const windows = [
    { name: 'w2', windowMs: 300_000, hopMs: 60_000 },
    { name: 'ever', windowMs: null, hopMs: 1000 },
  ];

  const AWKWARD = [
    '',
    ' ',
    'a ',
    "it's",
    '"q"',
    'a,b',
    'two\nlines',
    '007',
    'NULL',
    '\\N',
    'é',
    'e\u0301',
    '名前🙂',
    '$x{y}',
    '`',
  ];

  /** Two events of each awkward key, at 0 and 1,000. */
  const awkward = AWKWARD.flatMap((key, k) =>
    [0, 1_000].map((ts, i): LoggedDelivery => {
      const id = `w${k}.${i}`;
      const values: readonly Value[] = [key, key, k, BigInt(k), BigInt(i), k / 3, i === 0, key, [k, i, -k]];
      return { ...{ id, ts, ingestTs: ts + 400 }, partition: 0, offset: 100_000 + 2 * k + i, row: [id, ts, ...values] };
    }),
  );

  /** What a request brings next to its keys, in every form that a value has. */
  const beside: Columns = {
    share: float,
    known: bool,
    price: decimal(2),
    stock: int64,
    seen: { type: 'time', nullable: true },
    tags: { type: 'list', element: 'text', nullable: true },
    taste: embedding(3),
  };

  type Row = Readonly<Record<string, unknown>>;

  /** The first and the last instant that a row may have. */
  const asked = askedSpan(Date.now());

  /** Rows in no order: keys that are there, absent, null or awkward, instants before and after all events, each fifth row twice. */
  function ownRows(): readonly Row[] {
    const row = fc.record({
      who: fc.oneof(
        fc.tuple(fc.nat({ max: 29 }), fc.constantFrom('t1', 't1|u', 'absent'), fc.constantFrom('u|1', '1')),
        fc.tuple(fc.constant(null), fc.constantFrom(...AWKWARD), fc.constant(null)),
      ),
      without: fc.constantFrom(null, null, null, 'k1', 'k2'),
      at: fc.oneof(
        fc.integer({ min: -1_000_000, max: 2_000_000 }),
        fc.constantFrom(asked.from, -300_000, 0, 1, 60_000, 299_999, 300_000, 300_001, 1_000_399, 1_000_400, asked.to),
      ),
      share: fc.option(fc.constantFrom(0.1, -0, 1e-7, 1e22, 5e-324)),
      known: fc.option(fc.boolean()),
      cents: fc.option(fc.integer({ min: -99_999, max: 99_999 })),
      stock: fc.option(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)),
      seen: fc.option(fc.integer({ min: -1e12, max: 1e12 })),
      tags: fc.option(fc.array(fc.constantFrom(...AWKWARD), { maxLength: 3 })),
      taste: fc.option(fc.array(fc.constantFrom(0, 0.1, -1.5), { minLength: 3, maxLength: 3 })),
      note: fc.constantFrom('0012', 'x', '', null),
    });
    return fc.sample(row, { numRuns: 300, seed: 23 }).flatMap(({ who, without, cents, stock, ...rest }, i) => {
      const [of, tenant, user] = who;
      const [k1, k2] = of === null ? [tenant, tenant] : [`${of}:${tenant}`, user];
      const one: Row = {
        ...{ label: i, k1: without === 'k1' ? null : k1, k2: without === 'k2' ? null : k2 },
        ...{ price: cents === null ? null : (cents / 100).toFixed(2), stock: stock === null ? null : String(stock) },
        ...rest,
      };
      return i % 5 === 0 ? [one, one] : [one];
    });
  }

  const FILES: Readonly<Record<'csv' | 'jsonl', (rows: readonly Row[]) => string>> = {
    csv: (rows) => {
      const cell = (value: unknown) => {
        if (value === null) return '';
        return `"${(typeof value === 'object' ? JSON.stringify(value) : String(value)).replaceAll('"', '""')}"`;
      };
      return [Object.keys(rows[0]).join(','), ...rows.map((row) => Object.values(row).map(cell).join(','))].join('\n');
    },
    jsonl: (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
  };

  /** Aggregates that SQL alone answers; and some of which it gives parts, which become vectors in the process. */
  const AGGREGATES = {
    plain: ['events', 'share_b', 'sum_l', 'mean_d', 'var_pop_i', 'min_t', 'max_f', 'last_l', 'first_b'],
    rich: ['events', 'sum_d', 'max_t', 'last_3', 'distinct_l', 'p50_i', 'top_2_t', 'mean_e'],
  } as const satisfies Record<string, readonly string[]>;

  /** A service that is asked for more than its keys, and returns it. */
  function withRequest(service: FeatureServiceData): FeatureServiceData {
    const values = Object.entries(beside);
    return {
      ...service,
      request: { ...service.request, ...beside },
      computed: values.map(([alias, type]) => ({ kind: 'value', alias, of: { kind: 'request', name: alias }, type })),
      features: [
        ...service.features,
        ...values.map(([name, type]) => ({ name, type, tier: 'request', from: name, feature: null }) as const),
      ],
    };
  }

  interface Written {
    readonly rows: number;
    readonly nullKeys: number;
    readonly sha256: string;
  }

  /** Joins a spine by an engine, or by the offline store where it is null; 100 rows at a time. */
  async function written(
    engine: HistoryEngine | null,
    service: FeatureServiceData,
    spine: string,
    mode: ReadMode,
    out: string,
  ): Promise<Written> {
    const options = {
      service,
      offline: site.offline,
      engine,
      spine: { path: spine, time: 'at' },
      mode,
      now: Date.now(),
      sliceRows: 100,
    };
    const onComputeError = (_: unknown, error: unknown): never => {
      throw error;
    };
    const { rows, nullKeys } = await joinSpine({ ...options, onComputeError }, out);
    return { rows, nullKeys, sha256: createHash('sha256').update(readFileSync(out)).digest('hex') };
  }

  const files = [
    ['as-known', 'jsonl', 'rich'],
    ['corrected', 'csv', 'plain'],
  ] as const satisfies readonly (readonly [ReadMode, keyof typeof FILES, keyof typeof AGGREGATES])[];

  test.each(way === 'spark-submit' ? files : files.slice(0, 1))(
    'rows of a file get by Spark what they get by the offline store, to the byte: %s, %s, %s',
    async (mode, format, kind) => {
      const events = { ...source, name: `events_${mode.replace('-', '_')}_${kind}` };
      const aggregates = everyAggregate.filter(({ name }) => AGGREGATES[kind].some((one) => one === name));
      const view = { ...viewOf(events, { k1: 'tenant', k2: 'user' }, aggregates, windows), name: events.name };
      const all = streams(30, 17);
      await site.publisher(events, null)(all.slice(0, all.length / 2));
      await site.publisher(events)([...all.slice(all.length / 2), ...awkward]);
      const { service } = modelOf(view, askingSource('nobody', view));
      const asked = kind === 'plain' ? service : withRequest(service);
      const spine = join(site.directory, `${events.name}.${format}`);
      writeFileSync(spine, FILES[format](ownRows()));
      const out = join(site.directory, `${events.name}.parquet`);
      const byStore = await written(null, asked, spine, mode, out);
      expect(byStore.rows).toBe(360);
      expect(byStore.nullKeys).toBeGreaterThan(50);
      expect(await written(site.engine, asked, spine, mode, out)).toEqual(byStore);
      const found = site.offline.query(`SELECT COUNT(*) FROM '${out}' WHERE a_events_ever > 0`);
      const [[[withEvents]]] = await Array.fromAsync(found);
      expect(Number(withEvents)).toBeGreaterThan(60);
      expect(site.runs()).toEqual([]);
    },
  );
});
