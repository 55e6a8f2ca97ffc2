import { createHash } from 'node:crypto';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Headrace } from 'headrace';
import { departures, type LateDeparture, schedule } from './declaration.ts';
import { ALL_FLIGHTS, type Part } from './parts.ts';
import type { ReplayTotals } from './replay.ts';
import type { RunSkew } from './running-audit.ts';

/** Of the hourly tiles per origin by scheduled time of all flights, as lines `origin,tile_start,n,sum,min,max`, sorted. */
const ALL_FLIGHTS_SHA256 = '0d7ef856c233037a3cdec4044de1a468eb0fdeb8c94d5092deca13e51045a3bc';

const HOUR_MS = 3_600_000;

/** A check of the run, with its finding. */
export interface RunCheck {
  readonly name: string;
  readonly passed: boolean;
  readonly found: string;
}

/** Compares the run with the file that it replayed, and with its own history. */
export async function checkRun(
  headrace: Headrace,
  { model, part }: { readonly model: LateDeparture; readonly part: Part },
  totals: ReplayTotals,
  skew: RunSkew,
  wantedSamples: number,
): Promise<{ readonly checks: readonly RunCheck[]; readonly checksum: string; readonly tiles: number }> {
  const { checksum, tiles } = await archiveChecksum(headrace);
  const wanted = totals.scheduled === ALL_FLIGHTS ? ALL_FLIGHTS_SHA256 : await fileChecksum(part);
  const { counters } = headrace.outcomes(model);
  const logged = await countAnswered(headrace, `predictions/${model.name}`);
  const checks = [
    check(
      'every flight is in the history once',
      checksum === wanted,
      `${tiles} hourly tiles, sha256 ${checksum.slice(0, 12)}…`,
    ),
    ...accounting(headrace, totals),
    check(
      'every prediction is accounted for',
      counters.predictions === totals.predictions &&
        logged === totals.predictions &&
        counters.labelled + counters.unlabelled + counters.pending === totals.predictions,
      `${totals.predictions} requested, ${logged} logged, ${counters.labelled} labelled, ${counters.unlabelled + counters.pending} without`,
    ),
    check(
      'served vectors equal the history',
      skew.mismatches.logic === 0,
      `${skew.vectors} recomputed, ${skew.mismatches.logic} logic mismatches`,
    ),
    check(
      'enough vectors were recomputed',
      skew.vectors >= wantedSamples,
      `${skew.vectors} of at least ${wantedSamples}`,
    ),
  ];
  return { checks, checksum, tiles };
}

function check(name: string, passed: boolean, found: string): RunCheck {
  return { name, passed, found };
}

function accounting(headrace: Headrace, totals: ReplayTotals): readonly RunCheck[] {
  return [
    { source: schedule, sent: totals.scheduled },
    { source: departures, sent: totals.departed },
  ].map(({ source, sent }) => {
    const { gateway, admission } = headrace.counters(source);
    const judged = admission.accepted + admission.duplicate + admission.future + admission.late;
    const whole =
      gateway.sent === sent &&
      gateway.accepted === judged &&
      gateway.accepted + gateway.refused + gateway.quarantined === sent;
    return check(
      `every event of ${source.name} is accounted for`,
      whole,
      `${sent} sent, ${admission.accepted} accepted`,
    );
  });
}

/** Predictions that answered somebody: the shadow of a rollout scores copies. */
async function countAnswered({ history }: Headrace, name: string): Promise<number> {
  const table = history.tables().find((state) => state.table.name === name)?.table;
  if (table === undefined) return 0;
  const sql = `SELECT COUNT(*) FROM ${history.relation(table)} WHERE lane IS DISTINCT FROM 'shadow'`;
  let count = 0;
  for await (const rows of history.query(sql)) for (const [found] of rows) count += Number(found);
  return count;
}

const TILES = (relation: string, scheduled: string) => `
  SELECT origin, CAST(${scheduled} AS BIGINT) - CAST(${scheduled} AS BIGINT) % ${HOUR_MS} AS tile_start, COUNT(*) AS n,
    CAST(SUM(delay) AS BIGINT) AS total, MIN(delay) AS least, MAX(delay) AS most
  FROM ${relation} GROUP BY ALL ORDER BY origin, tile_start`;

/** The tiles of what the offline store has. */
async function archiveChecksum(headrace: Headrace): Promise<{ checksum: string; tiles: number }> {
  const hash = createHash('sha256');
  let tiles = 0;
  for await (const rows of headrace.history.query(TILES(headrace.deliveries(departures), 'scheduled'))) {
    for (const row of rows) hash.update(`${row.join(',')}\n`);
    tiles += rows.length;
  }
  return { checksum: hash.digest('hex'), tiles };
}

/** The tiles of the part of the file itself. */
async function fileChecksum({ relation }: Part): Promise<string> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const result = await connection.runAndReadAll(TILES(relation, 'epoch_ms(date)'));
  const hash = createHash('sha256');
  for (const row of result.getRows()) hash.update(`${row.join(',')}\n`);
  connection.closeSync();
  instance.closeSync();
  return hash.digest('hex');
}
