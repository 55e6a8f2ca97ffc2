import type { StreamViewData } from '../../src/features/define/declaration.ts';
import { Admission } from '../../src/features/engine/admission.ts';
import type { TileWrite } from '../../src/ports/online-store.ts';
import { engineOf } from '../tiles/golden-view.ts';
import type { ParityDefinition } from './parity-definitions.ts';
import type { SparkSite } from './spark-site.ts';
import { checksumOf, tileLines } from './tile-lines.ts';

/** A row of a page of checksums. */
export interface Parity {
  readonly name: string;
  readonly tiles: number;
  readonly inProcess: string;
  readonly duckdb: string;
  readonly spark: string;
}

/** How long an engine took over all tiles, ms. */
export interface Took {
  readonly inProcess: number;
  readonly duckdb: number;
  readonly spark: number;
}

/** All tiles of a definition by each engine; `differing` are the first lines that are not those of the engine in process. */
export async function tilesByEngines(site: SparkSite, { name, view, deliveries, inOrder }: ParityDefinition) {
  const inProcess = engineOf(view);
  // What arrives in order needs no longer memory of ids than the rule has.
  const publish = site.publisher(view.source, inOrder ? new Admission(view.source) : undefined);
  let applying = 0;
  for await (const batch of deliveries(site.offline)) {
    const begun = performance.now();
    for (const delivery of batch) inProcess.engine.apply(delivery, delivery.partition);
    applying += performance.now() - begun;
    await publish(batch);
  }
  const expected = tileLines(tilesOf(view, inProcess));
  const begun = performance.now();
  const duckdb = tileLines(await site.tiles(view, null));
  const between = performance.now();
  const spark = await site.tiles(view);
  const took: Took = { inProcess: applying, duckdb: between - begun, spark: performance.now() - between };
  const lines = tileLines(spark);
  const parity: Parity = {
    name,
    tiles: expected.length,
    inProcess: checksumOf(expected),
    duckdb: checksumOf(duckdb),
    spark: checksumOf(lines),
  };
  // A hundred thousand lines are no message.
  const differing = [duckdb, lines].flatMap((own) => own.filter((line, i) => line !== expected[i]).slice(0, 3));
  return { parity, took, differing, spark };
}

/** Tiles of the engine in this process. */
export function* tilesOf(view: StreamViewData, { layout, keys }: ReturnType<typeof engineOf>): Generator<TileWrite> {
  for (const [key, { runs }] of keys)
    for (const [hop, run] of runs.entries())
      for (let index = 0; index < run.length; index += 1) yield { layout, hopMs: view.hopsMs[hop], key, run, index };
}

/** The cells of a row: name, tiles, and the first digits of each checksum. */
export function parityCells({ name, tiles, inProcess, duckdb, spark }: Parity): readonly string[] {
  const sums = [inProcess, duckdb, spark].map((sum) => `\`${sum.slice(0, 16)}\``);
  return [name, tiles.toLocaleString('en-US'), ...sums];
}
