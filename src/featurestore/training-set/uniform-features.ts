import type { BatchViewData, FeatureServiceData } from '../../features/define/declaration.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { Value } from '../../schema/column.ts';
import { firstVisible } from '../batch/past-generations.ts';

/** A feature that is the same in every row of a training set: a model learns nothing from it. */
export interface UniformFeature {
  readonly feature: string;
  /** The value, as text; null where every row has a null. */
  readonly value: string | null;
  readonly reason: string;
}

/** Rows as they go into a training set. */
interface WatchedRow {
  readonly at: number;
  readonly values: readonly Value[];
}

/** Facts about a set's features once all rows were read. */
export interface FeatureWatch {
  see(rows: readonly WatchedRow[]): void;
  /** Features that are null, or one value, in all of at least two rows, with the reason. */
  uniform(offline: OfflineStore): Promise<readonly UniformFeature[]>;
}

/** Watches the features of a training set while it is written. */
export function watchFeatures(service: FeatureServiceData): FeatureWatch {
  let rows = 0;
  let lastAt = Number.NEGATIVE_INFINITY;
  let open = service.features.map((_, i) => i);
  let first: readonly string[] = [];
  return {
    see: (batch) => {
      for (const { at, values } of batch) {
        if (at > lastAt) lastAt = at;
        if (rows === 0) first = values.map(textOf);
        else open = open.filter((i) => textOf(values[i]) === first[i]);
        rows += 1;
      }
    },
    uniform: async (offline) => {
      if (rows < 2) return [];
      const found: UniformFeature[] = [];
      for (const i of open) {
        const { name } = service.features[i];
        if (first[i] !== NULL) found.push({ feature: name, value: first[i], reason: 'all rows have this value' });
        else found.push({ feature: name, value: null, reason: await whyNull(service, i, lastAt, offline) });
      }
      return found;
    },
  };
}

/** A warning as a line of text. */
export function uniformText({ feature, value, reason }: UniformFeature): string {
  const what = value === null ? 'null' : value.slice(0, 100);
  return `warning: feature "${feature}" is ${what} in all rows: ${reason}; a model learns nothing from it`;
}

const NULL = 'null';

/** Texts in quotes, so that none is taken for a null. */
function textOf(value: Value): string {
  if (value === null) return NULL;
  if (typeof value === 'string') return JSON.stringify(value);
  return Array.isArray(value) ? `[${value.map(textOf).join(', ')}]` : String(value);
}

async function whyNull(
  { features, lookups, computed }: FeatureServiceData,
  index: number,
  lastAt: number,
  offline: OfflineStore,
): Promise<string> {
  const { from } = features[index];
  if (computed.some(({ alias, kind }) => alias === from && kind === 'apply'))
    return 'its function gives null for every row';
  const view = lookups.find(({ alias }) => alias === from)?.view;
  if (view === undefined) return 'no row of the spine has a value for it';
  if (view.kind === 'streamView')
    return `view "${view.name}" has no event with a value for the key of any row in the window`;
  return whyNoBatchValue(view, lastAt, offline);
}

async function whyNoBatchValue(view: BatchViewData, lastAt: number, offline: OfflineStore): Promise<string> {
  const none = `batch view "${view.name}" has no value for the key of any row`;
  const first = await firstVisible(view, offline);
  if (first === null) return `${none}, and has not run yet; run headrace backfill ${view.name}`;
  return first > lastAt ? `${none}; its first generation is of ${new Date(first).toISOString()}, after them` : none;
}
