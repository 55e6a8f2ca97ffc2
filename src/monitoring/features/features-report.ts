import type {
  BatchViewData,
  EventSourceData,
  FeatureServiceData,
  ProjectData,
  ServiceFeatureSpec,
} from '../../features/define/declaration.ts';
import { batchTable } from '../../features/plan/batch-table.ts';
import { INGEST_TS, rawTable } from '../../features/plan/raw-table.ts';
import { servedTable } from '../../features/plan/served-table.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { ColumnSpec } from '../../schema/column.ts';
import { type ColumnProfile, distinctOf, meanOf } from './column-profile.ts';
import { findingsOf } from './findings.ts';
import { type ProfiledTable, profileTable, quoted, readRows } from './profile-sql.ts';
import { type Quarantined, readQuarantine } from './quarantine.ts';
import { readVolume, type Volume } from './volume.ts';

type History = Pick<OfflineStore, 'query' | 'relation'>;

/** A feature or a column, as served or as it came, in a span. */
export interface ColumnReport {
  readonly name: string;
  readonly type: ColumnSpec['type'];
  readonly unit: string | null;
  readonly range: readonly [number, number] | null;
  readonly profile: ColumnProfile;
  /** Shares of the rows. */
  readonly nullRate: number;
  readonly zeroRate: number;
  readonly missingRate: number;
  readonly outOfRangeRate: number;
  /** Events refused for a value of another type, or none, in this column; 0 for features. */
  readonly refused: number;
  readonly distinct: number;
  readonly mean: number | null;
}

export interface FeatureColumnReport extends ColumnReport {
  readonly tier: ServiceFeatureSpec['tier'];
  /** Age of the feature's input at the end of the span, ms: of the newest event, or generation; null: none, or of the request. */
  readonly ageMs: number | null;
  readonly budgetMs: number | null;
}

export interface ServiceReport {
  readonly service: string;
  /** Logged vectors in the span: a sample. */
  readonly vectors: number;
  readonly features: readonly FeatureColumnReport[];
}

export interface SourceReport {
  readonly source: string;
  readonly volume: Volume;
  /** From event time to arrival, ms. */
  readonly lateness: Lateness;
  readonly columns: readonly ColumnReport[];
  readonly quarantined: readonly Quarantined[];
}

export interface Lateness {
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly mostMs: number | null;
  /** Deliveries later than the source's lateness: not counted. */
  readonly tooLate: number;
  /** Deliveries by how late they are: at most `atMostMs`; the last without end. */
  readonly bins: readonly { readonly atMostMs: number | null; readonly deliveries: number }[];
}

/** The features of a project in a span. */
export interface FeaturesReport {
  readonly project: string;
  /** Vectors and deliveries of [from, to), epoch ms. */
  readonly from: number;
  readonly to: number;
  /** A sentence for each finding, the most important first. */
  readonly findings: readonly string[];
  readonly services: readonly ServiceReport[];
  readonly sources: readonly SourceReport[];
}

/** Profiles the logged vectors and the deliveries of [from, to) from the published history: nothing is added to a request or an event. */
export async function featuresReport(
  project: ProjectData,
  history: History,
  from: number,
  to: number,
): Promise<FeaturesReport> {
  const services: ServiceReport[] = [];
  const ages: Ages = new Map();
  for (const service of project.services) services.push(await serviceReport(service, { history, from, to, ages }));
  const sources: SourceReport[] = [];
  for (const source of project.sources) sources.push(await sourceReport(source, history, from, to));
  return { project: project.name, from, to, findings: findingsOf({ services, sources }), services, sources };
}

/** The age of the newest data by its table: services share sources. */
type Ages = Map<string, number | null>;

interface ServiceSpan {
  readonly history: History;
  readonly from: number;
  readonly to: number;
  readonly ages: Ages;
}

async function serviceReport(service: FeatureServiceData, span: ServiceSpan): Promise<ServiceReport> {
  const { history, from, to } = span;
  const table: ProfiledTable = {
    relation: history.relation(servedTable(service)),
    where: `_at >= ${from} AND _at < ${to}`,
    columns: service.features.map(({ name, type }) => ({ name, column: `f_${name}`, spec: type })),
    missing: 'missing',
  };
  const profiles = await profileTable(history, table);
  const ages = new Map<string, number | null>();
  for (const { alias, view } of service.lookups) ages.set(alias, await ageOf(view, span));
  const features = service.features.flatMap(({ name, type, tier, from: alias }): readonly FeatureColumnReport[] => {
    const profile = profiles.get(name);
    if (profile === undefined) return [];
    const lookup = service.lookups.find((one) => one.alias === alias);
    const about = columnReport(name, type, profile, 0);
    return [{ ...about, tier, ageMs: ages.get(alias) ?? null, budgetMs: lookup?.view.freshnessMs ?? null }];
  });
  return { service: service.name, vectors: features[0]?.profile.rows ?? 0, features };
}

async function sourceReport(
  source: EventSourceData,
  history: History,
  from: number,
  to: number,
): Promise<SourceReport> {
  const relation = history.relation(rawTable(source));
  const where = `${INGEST_TS} >= ${from} AND ${INGEST_TS} < ${to}`;
  const columns = Object.entries(source.columns).map(([name, spec]) => ({ name, column: name, spec }));
  const profiles = await profileTable(history, { relation, where, columns, missing: null });
  const quarantined = await readQuarantine(history, source, from, to);
  const refusedFor = (name: string) =>
    quarantined.filter(({ column }) => column === name).reduce((sum, { events }) => sum + events, 0);
  return {
    source: source.name,
    volume: await readVolume(history, relation, from, to),
    lateness: await readLateness(source, history, relation, where),
    columns: columns.flatMap(({ name, spec }) => {
      const profile = profiles.get(name);
      return profile === undefined ? [] : [columnReport(name, spec, profile, refusedFor(name))];
    }),
    quarantined,
  };
}

function columnReport(name: string, spec: ColumnSpec, profile: ColumnProfile, refused: number): ColumnReport {
  const share = (count: number) => (profile.rows === 0 ? 0 : count / profile.rows);
  return {
    name,
    type: spec.type,
    unit: spec.unit ?? null,
    range: spec.range ?? null,
    profile,
    nullRate: share(profile.nulls),
    zeroRate: share(profile.zeros),
    missingRate: share(profile.missing),
    outOfRangeRate: share(profile.outOfRange),
    refused,
    distinct: distinctOf(profile),
    mean: meanOf(profile),
  };
}

const LATENESS_BOUNDS_MS = [100, 1_000, 10_000, 60_000, 600_000, 3_600_000, 21_600_000, 86_400_000];

async function readLateness(
  { time, latenessMs }: EventSourceData,
  history: History,
  relation: string,
  where: string,
): Promise<Lateness> {
  const late = `GREATEST(0, ${INGEST_TS} - ${quoted(time)})`;
  const within = LATENESS_BOUNDS_MS.map((bound) => `COUNT(*) FILTER (WHERE late <= ${bound})`);
  const [[p50, p99, most, tooLate, all, ...counts] = []] = await readRows(
    history,
    `SELECT QUANTILE_DISC(late, 0.5), QUANTILE_DISC(late, 0.99), MAX(late),
COUNT(*) FILTER (WHERE late > ${latenessMs}), COUNT(*), ${within.join(', ')}
FROM (SELECT ${late} AS late FROM ${relation} AS t WHERE ${where}) AS arrived`,
  );
  const upTo = [...counts.map(Number), Number(all)];
  const msOr = (value: typeof p50) => (value === null || value === undefined ? null : Number(value));
  return {
    p50Ms: msOr(p50),
    p99Ms: msOr(p99),
    mostMs: msOr(most),
    tooLate: Number(tooLate),
    bins: upTo.map((count, i) => ({
      atMostMs: LATENESS_BOUNDS_MS[i] ?? null,
      deliveries: count - (upTo[i - 1] ?? 0),
    })),
  };
}

/** Age of the newest data of a view, looked up once for each table. */
async function ageOf(view: FeatureServiceData['lookups'][number]['view'], span: ServiceSpan): Promise<number | null> {
  const { history, to, ages } = span;
  const table = view.kind === 'streamView' ? rawTable(view.source) : batchTable(view);
  const known = ages.get(table.name);
  if (known !== undefined) return known;
  const age =
    view.kind === 'streamView' ? await newestEvent(view.source, history, to) : await newestData(view, history, to);
  ages.set(table.name, age);
  return age;
}

/** Age of the newest event that had come by `to`. */
async function newestEvent(source: EventSourceData, history: History, to: number): Promise<number | null> {
  const [[newest] = []] = await readRows(
    history,
    `SELECT MAX(${quoted(source.time)}) FROM ${history.relation(rawTable(source))} AS t WHERE ${INGEST_TS} < ${to}`,
  );
  return newest === null || newest === undefined ? null : to - Number(newest);
}

/** Age of the data of the generation that readers saw at `to`. */
async function newestData(view: BatchViewData, history: History, to: number): Promise<number | null> {
  const [[asOf] = []] = await readRows(
    history,
    `SELECT ARG_MAX(as_of, generation) FROM ${history.relation(batchTable(view))} AS t WHERE visible_from <= ${to}`,
  );
  return asOf === null || asOf === undefined ? null : to - Number(asOf);
}
