import type {
  BatchViewData,
  FeatureServiceData,
  ModelData,
  OnDemandViewData,
} from '../../features/define/declaration.ts';
import { batchTable } from '../../features/plan/batch-table.ts';
import { servedTable } from '../../features/plan/served-table.ts';
import { valueDecoder } from '../../features/sql/decode.ts';
import { floorSql } from '../../features/sql/text.ts';
import type { OfflineStore, OfflineValue } from '../../ports/offline-store.ts';
import { pastGenerations } from '../batch/past-generations.ts';
import { type PointInTimeRow, pointInTimeRows } from '../training-set/point-in-time.ts';
import { auditFed, type ModelSkew } from './fed-audit.ts';
import type { SkewReport } from './skew-report.ts';
import { MOST_SUSPECTS, rowName, type Served, SkewTally } from './skew-tally.ts';

export interface AuditOptions {
  readonly service: FeatureServiceData;
  /** The project's models: those of the service are audited with it. */
  readonly models: readonly ModelData[];
  readonly offline: OfflineStore;
  /** Vectors served in [from, to), epoch ms. */
  readonly from: number;
  readonly to: number;
  /** Most vectors to recompute; of more, a sample by hash of their id. */
  readonly most?: number;
  /** Prefix of scratch files; null: values of instants before the first run of a batch view cannot be recomputed. */
  readonly scratch: string | null;
  readonly onComputeError: (view: OnDemandViewData, error: unknown) => void;
}

/** Vectors are recomputed so much of time at once: the events that can count for them are then few enough to stay in memory. */
const SLICE_MS = 7 * 86_400_000;
const MOST_VECTORS = 200_000;

/**
 * Recomputes every logged vector from the history, as of its instant, and puts each mismatch in its class. The data
 * that had arrived by the instant distinguishes classes, not values: it is queried only for vectors that differ.
 */
export async function auditSkew(options: AuditOptions): Promise<SkewReport> {
  const { service } = options;
  const logged = await countLogged(options);
  const sampled = sampleOf(options, logged);
  const tally = new SkewTally(service);
  for (const slice of await slicesOf(options)) {
    const differing: { readonly row: PointInTimeRow; readonly served: Served }[] = [];
    for await (const rows of recomputed(slice, 'corrected', sampled)) {
      for (const row of rows) {
        const served = readServed(service, row.also);
        if (!tally.compare(row, served)) differing.push({ row, served });
      }
    }
    if (differing.length === 0) continue;
    const known = new Map<string, PointInTimeRow>();
    const chosen = `${sampled} AND ${oneOf(differing.map(({ row }) => row))}`;
    for await (const rows of recomputed(slice, 'as-served', chosen))
      for (const row of rows) known.set(rowName(row), row);
    for (const { row, served } of differing) tally.classify(row, known.get(rowName(row)) ?? row, served);
  }
  await acquitScheduled(options, tally);
  await acquitStale(options, tally);
  return withModels(tally.report(logged), await auditModels(options, sampled));
}

/** Audits the inputs of the service's models, for the vectors of the span. */
async function auditModels(options: AuditOptions, sampled: string): Promise<readonly ModelSkew[]> {
  const { service, offline } = options;
  const found: ModelSkew[] = [];
  for (const model of options.models) {
    if (model.service.name !== service.name || model.service.version !== service.version) continue;
    found.push(await auditFed({ model, offline, where: `${within(options)} AND ${sampled}` }));
  }
  return found;
}

function withModels(report: Omit<SkewReport, 'models'>, models: readonly ModelSkew[]): SkewReport {
  const differing = models.reduce((sum, model) => sum + model.differing, 0);
  return { ...report, models, mismatches: { ...report.mismatches, logic: report.mismatches.logic + differing } };
}

/**
 * A value that differs though all its events were there may be of a superseded generation of a batch view: it was stale
 * then. Such values are compared with those of the previous generation.
 */
async function acquitStale(options: AuditOptions, tally: SkewTally): Promise<void> {
  const { service, offline } = options;
  if (!hasBatchSuspects(service, tally)) return;
  const before = new Map<string, PointInTimeRow>();
  const chosen = oneOf(tally.suspects.map(({ row }) => row));
  for await (const rows of recomputed(options, 'as-served', chosen, (view) => generationBefore(view, offline)))
    for (const row of rows) before.set(rowName(row), row);
  tally.acquit(before, 'staleness');
}

/**
 * Before the first run of a batch view a stream scores its backlog with the values of the scheduled instants, as a training set has
 * them. A suspect that has these is right.
 */
async function acquitScheduled(options: AuditOptions, tally: SkewTally): Promise<void> {
  const { service, offline, scratch } = options;
  if (scratch === null || !hasBatchSuspects(service, tally)) return;
  const chosen = oneOf(tally.suspects.map(({ row }) => row));
  const spine = askedSpine(options, `${within(options)} AND ${chosen}`);
  const generations = { service, offline, spine, mode: 'corrected', scratch } as const;
  const past = await pastGenerations({ ...generations, onProgress: () => undefined });
  try {
    const scheduled = new Map<string, PointInTimeRow>();
    for await (const rows of recomputed(options, 'corrected', chosen, past.generationsOf))
      for (const row of rows) scheduled.set(rowName(row), row);
    tally.acquit(scheduled, null);
  } finally {
    past.drop();
  }
}

function hasBatchSuspects({ lookups }: FeatureServiceData, { suspects }: SkewTally): boolean {
  return suspects.length > 0 && lookups.some(({ view }) => view.kind === 'batchView');
}

/** The kept generations of a view, each seen from when the next one was. */
function generationBefore(view: BatchViewData, offline: OfflineStore): string {
  const kept = offline.relation(batchTable(view));
  return `(SELECT k.* REPLACE (n.visible_next AS visible_from) FROM ${kept} AS k JOIN (
SELECT generation, LEAD(visible_from) OVER (ORDER BY visible_from, generation) AS visible_next
FROM (SELECT DISTINCT generation, visible_from FROM ${kept} AS g) AS d) AS n ON n.generation = k.generation
WHERE n.visible_next IS NOT NULL)`;
}

function within({ from, to }: AuditOptions): string {
  return `_at >= CAST(${from} AS BIGINT) AND _at < CAST(${to} AS BIGINT)`;
}

async function countLogged(options: AuditOptions): Promise<number> {
  const { service, offline } = options;
  const sql = `SELECT COUNT(*) FROM ${offline.relation(servedTable(service))} AS t WHERE ${within(options)}`;
  for await (const [row] of offline.query(sql)) return Number(row?.[0]);
  return 0;
}

/** The time of an audit in slices, those without a vector left out. */
async function slicesOf(options: AuditOptions): Promise<readonly AuditOptions[]> {
  const { service, offline, from, to } = options;
  const slices: AuditOptions[] = [];
  const logged = `FROM ${offline.relation(servedTable(service))} AS t WHERE ${within(options)}`;
  for await (const rows of offline.query(`SELECT ${floorSql('_at', SLICE_MS)} ${logged} GROUP BY 1 ORDER BY 1`)) {
    for (const [start] of rows) {
      const begin = Number(start);
      slices.push({ ...options, from: Math.max(from, begin), to: Math.min(to, begin + SLICE_MS) });
    }
  }
  return slices;
}

/** The vectors to recompute, as SQL: all, or where there are too many the same of them in every pass. */
function sampleOf({ most = MOST_VECTORS }: AuditOptions, logged: number): string {
  return logged <= most ? 'true' : `HASH(_id) % ${Math.ceil(logged / most)} = 0`;
}

/** SQL that is true of the vectors of these rows; of all where they are more than can be named. */
function oneOf(rows: readonly PointInTimeRow[]): string {
  const ids = [...new Set(rows.map(({ id }) => id))];
  if (ids.length > MOST_SUSPECTS) return 'true';
  return `_id IN (${ids.map((id) => `'${id.replaceAll("'", "''")}'`).join(', ')})`;
}

function recomputed(
  options: AuditOptions,
  mode: 'corrected' | 'as-served',
  chosen: string,
  generationsOf?: (view: BatchViewData) => string,
) {
  const { service, offline, onComputeError } = options;
  const table = servedTable(service);
  const served = offline.relation(table);
  const where = `${within(options)} AND ${chosen}`;
  const logged = Object.keys(table.columns).filter(
    (name) => name.startsWith('f_') || name.startsWith('n_') || name === 'missing',
  );
  const columns = logged.map((name, i) => `"${name}" AS s_${i}`).join(', ');
  return pointInTimeRows({
    service,
    offline,
    spine: askedSpine(options, where),
    mode,
    counts: true,
    onComputeError,
    ...(generationsOf === undefined ? {} : { generationsOf }),
    wrap: {
      sql: (answers) => `
        SELECT a.*, ${logged.map((_, i) => `s_${i}`).join(', ')} FROM (${answers}) AS a
        JOIN (SELECT _id AS s_id, _at AS s_at, ${columns} FROM ${served} WHERE ${where}) AS s ON s_id = a._id AND s_at = a._at`,
      columns: logged.length,
    },
  });
}

/** The logged requests for which a condition holds. */
function askedSpine({ service, offline }: AuditOptions, where: string): string {
  const request = Object.keys(service.request).map((name) => `"r_${name}" AS "${name}"`);
  return `SELECT _id, _at, ${request.join(', ')} FROM ${offline.relation(servedTable(service))} WHERE ${where}`;
}

function readServed(service: FeatureServiceData, also: readonly OfflineValue[]): Served {
  const width = service.features.length;
  const missing = also[width];
  return {
    values: service.features.map(({ type }, i) => valueDecoder(type)(also[i])),
    missing: new Set(Array.isArray(missing) ? missing.map(String) : []),
    counts: also.slice(width + 1).map(Number),
  };
}
