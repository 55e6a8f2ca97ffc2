import type { ModelData } from '../../features/define/declaration.ts';
import type { ResolvedMonitor } from '../../features/define/monitor.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { ExcludedColumn } from '../detect/choose-columns.ts';
import type { ComparedVectors } from '../detect/compare-profiles.ts';
import { compareVectors, type VectorSide, vectorFaults } from '../detect/compare-vectors.ts';
import type { Comparison } from '../detect/comparison.ts';
import type { Profile } from '../profile/profile.ts';
import { compareToReference, type ToReference } from './compare-to-reference.ts';
import type { Span } from './judge-windows.ts';
import { type Reference, wholeReference } from './reference.ts';
import { spanText } from './span-text.ts';
import { loggedVectors } from './vector-sample.ts';
import { type WindowVectors, windowVectors } from './window-profiles.ts';

/** The facts of a monitor that judge a window. */
export type Asked = Pick<ResolvedMonitor, 'features' | 'rule' | 'windowMs' | 'k' | 'of'>;

/** One window of served vectors against the reference, whole. */
export async function compareWindow(
  model: ModelData,
  reference: Reference,
  monitor: Asked,
  history: OfflineStore,
  span: Span,
): Promise<Comparison> {
  return (await comparedWindow(model, reference, monitor, history, span)).comparison;
}

/** One window of served vectors, and how many of those served it has. */
export async function comparedWindow(
  model: ModelData,
  reference: Reference,
  monitor: Asked,
  history: OfflineStore,
  span: Span,
): Promise<ToReference & Pick<WindowVectors, 'covered'>> {
  const { features } = model.service;
  const times = new Set(features.filter(({ type }) => type.type === 'time').map(({ name }) => name));
  const { rows, columns } = wholeReference(reference);
  const isWatched = (name: string) => monitor.features.length === 0 || monitor.features.includes(name);
  const excluded = features.flatMap(({ name }): ExcludedColumn[] => {
    if (!isWatched(name)) return [{ name, reason: 'the monitor does not name it' }];
    return columns.has(name) ? [] : [{ name, reason: 'the reference does not have it' }];
  });
  const whole: Profile = { rows, columns: new Map([...columns].filter(([name]) => isWatched(name))) };
  const { profile, covered, hours } = await windowVectors(history, model.service, whole, span);
  const name = `training set of ${model.name}`;
  const window = { name: spanText(span), profile, hours };
  const embeddings = [...(reference.vectors ?? [])].filter(([feature]) => isWatched(feature));
  const vectors = await comparedVectors(history, model, embeddings, span);
  const compared = { vectors, times, excluded };
  return { ...compareToReference({ ...reference, name, whole }, window, monitor, compared), covered };
}

/** Embeddings have no profile: the logged sample is compared. */
async function comparedVectors(
  history: OfflineStore,
  { service }: ModelData,
  embeddings: readonly (readonly [string, VectorSide])[],
  span: Span,
): Promise<ReadonlyMap<string, ComparedVectors>> {
  const compared = new Map<string, ComparedVectors>();
  for (const [name, before] of embeddings) {
    const now = await loggedVectors(history, service, name, span);
    compared.set(name, { column: compareVectors(name, before, now), faults: vectorFaults(name, before, now) });
  }
  return compared;
}
