// The golden that is too long for the test suite: three million flights through the in-process engine, whose hourly tiles by
// origin and scheduled time have one published checksum. Run: node scripts/goldens.ts.

import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { compareText } from '../src/base/text-order.ts';
import type { AggregateKind, AggregateSpec, StreamViewData } from '../src/features/define/declaration.ts';
import { SourceEngine } from '../src/features/engine/stream-engine.ts';
import { COUNT, START, tileLayout } from '../src/features/tile/tile-layout.ts';
import { emptyRun, type TileRun } from '../src/features/tile/tile-run.ts';

const HOUR = 3_600_000;
const TILES = 424_259;
const CHECKSUM = '0d7ef856c233037a3cdec4044de1a468eb0fdeb8c94d5092deca13e51045a3bc';

const int = { type: 'int', nullable: false } as const;
const text = { type: 'text', nullable: false } as const;

function ofDelay(kind: AggregateKind): AggregateSpec {
  return { name: kind, kind, input: { kind: 'column', name: 'delay' }, inputType: int, params: {} };
}

const view: StreamViewData = {
  kind: 'streamView',
  name: 'by_origin',
  version: 1,
  source: {
    kind: 'eventSource',
    name: 'flights',
    version: 1,
    id: 'id',
    time: 'scheduled',
    columns: { id: text, scheduled: { type: 'time', nullable: false }, origin: text, delay: int },
    latenessMs: 0,
    futureSkewMs: 0,
  },
  entity: { kind: 'entity', name: 'airport', key: { airport: text } },
  key: { airport: 'origin' },
  aggregates: [ofDelay('sum'), ofDelay('min'), ofDelay('max')],
  features: [],
  hopsMs: [HOUR],
  freshnessMs: HOUR,
  ttlMs: null,
};

const layout = tileLayout(view);
const airports = new Map<string, { readonly runs: readonly TileRun[] }>();
const engine = new SourceEngine(view.source, [layout], {
  tilesOf: (_, key) => {
    const held = airports.get(key) ?? { runs: [emptyRun(layout)] };
    airports.set(key, held);
    return held;
  },
  changed: () => undefined,
});

async function applyFlights(): Promise<number> {
  const file = fileURLToPath(new URL('../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url));
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const result = await connection.stream(
    `SELECT CAST(epoch_ms(date) AS DOUBLE), CAST(delay AS INTEGER), origin FROM read_parquet('${file}')`,
  );
  let row = 0;
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    const [times, delays, origins] = chunk.getColumns();
    for (let i = 0; i < chunk.rowCount; i += 1, row += 1) {
      const ts = Number(times[i]);
      const id = `f${row}`;
      engine.apply({ id, ts, ingestTs: ts, row: [id, ts, String(origins[i]), Number(delays[i])] }, 0);
    }
  }
  connection.closeSync();
  instance.closeSync();
  return row;
}

function* tileLines(): Generator<string> {
  const { numbers, objects, partials } = layout;
  for (const [key, { runs }] of [...airports].sort(([a], [b]) => compareText(a, b))) {
    const [run] = runs;
    for (let i = 0; i < run.length; i += 1) {
      const at = i * numbers;
      const answers = partials.map(({ aggregate, num, obj }) => aggregate.finalise(run, at + num, i * objects + obj));
      yield `${[key, run.nums[at + START], run.nums[at + COUNT], ...answers].join(',')}\n`;
    }
  }
}

const start = performance.now();
const flights = await applyFlights();
const seconds = (performance.now() - start) / 1000;
const hash = createHash('sha256');
let tiles = 0;
for (const line of tileLines()) {
  hash.update(line);
  tiles += 1;
}
const checksum = hash.digest('hex');
const holds = tiles === TILES && checksum === CHECKSUM;
console.log(
  `${holds ? 'ok' : 'WRONG'}: ${flights} flights in ${tiles} hourly tiles (${TILES}), sha256 ${checksum}, read and folded in ${seconds.toFixed(1)} s`,
);
process.exitCode = holds ? 0 : 1;
