import type { FeatureServiceData, ModelData, ServiceExpression } from '../../features/define/declaration.ts';
import { batchTable } from '../../features/plan/batch-table.ts';
import { INGEST_TS, rawTable } from '../../features/plan/raw-table.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { quoted, readRows } from '../features/profile-sql.ts';

/** Where a feature comes from. */
export interface FeatureOrigin {
  readonly feature: string;
  readonly tier: 'request' | 'streaming' | 'batch';
  /** `name@version`; null: of the request. */
  readonly view: string | null;
  /** Sources that the view reads. */
  readonly sources: readonly string[];
  /** The freshness that is declared, ms; null: of the request. */
  readonly freshnessMs: number | null;
  /** Age of the newest input at the end of the span, ms; null: none, or of the request. */
  readonly ageMs: number | null;
}

type Lookup = FeatureServiceData['lookups'][number];

/** The origin of every feature of a model, with the age of its input at an instant. */
export async function featureOrigins(
  { service }: Pick<ModelData, 'service'>,
  history: Pick<OfflineStore, 'query' | 'relation'>,
  at: number,
): Promise<readonly FeatureOrigin[]> {
  const ages = new Map<string, number | null>();
  for (const lookup of service.lookups) ages.set(lookup.alias, await ageOf(lookup, history, at));
  return service.features.map(({ name, tier, from }) => {
    const lookup = lookupOf(service, from);
    if (lookup === null) return { feature: name, tier, view: null, sources: [], freshnessMs: null, ageMs: null };
    const { view, alias } = lookup;
    return {
      feature: name,
      tier,
      view: `${view.name}@${view.version}`,
      sources: sourcesOf(lookup).map((source) => source.name),
      freshnessMs: view.freshnessMs,
      ageMs: ages.get(alias) ?? null,
    };
  });
}

/** The sources that a lookup's view reads. */
export function sourcesOf({ view }: Pick<Lookup, 'view'>) {
  return view.kind === 'streamView' ? [view.source] : Object.values(view.reads);
}

/** The lookup of a feature; of a computed one the first lookup that it reads. */
export function lookupOf(service: FeatureServiceData, alias: string): Lookup | null {
  const own = service.lookups.find((one) => one.alias === alias);
  if (own !== undefined) return own;
  const computed = service.computed.find((one) => one.alias === alias);
  if (computed === undefined) return null;
  const read = computed.kind === 'value' ? [computed.of] : Object.values(computed.inputs);
  const text = JSON.stringify(read satisfies readonly ServiceExpression[]);
  return service.lookups.find((one) => text.includes(JSON.stringify(one.alias))) ?? null;
}

async function ageOf(
  { view }: Lookup,
  history: Pick<OfflineStore, 'query' | 'relation'>,
  at: number,
): Promise<number | null> {
  const sql =
    view.kind === 'streamView'
      ? `SELECT MAX(${quoted(view.source.time)}) FROM ${history.relation(rawTable(view.source))} AS t WHERE ${INGEST_TS} < ${at}`
      : `SELECT ARG_MAX(as_of, generation) FROM ${history.relation(batchTable(view))} AS t WHERE visible_from <= ${at}`;
  const [[newest] = []] = await readRows(history, sql);
  return newest === null || newest === undefined ? null : at - Number(newest);
}
