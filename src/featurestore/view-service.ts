import type { BatchViewData, FeatureServiceData, StreamViewData } from '../features/define/declaration.ts';
import { viewColumns } from '../features/define/feature-service.ts';

/** A service over one view, asked for by its key: its vector is the key, then every feature of the view. */
export function viewService(view: StreamViewData | BatchViewData, name: string = view.name): FeatureServiceData {
  const key = Object.fromEntries(Object.keys(view.entity.key).map((part) => [part, part]));
  const columns = viewColumns(view);
  const features = Object.keys(columns);
  const tier = view.kind === 'streamView' ? 'streaming' : 'batch';
  const computed = Object.entries(view.entity.key).map(
    ([part, type]) => ({ kind: 'value', alias: part, of: { kind: 'request', name: part }, type }) as const,
  );
  return {
    kind: 'featureService',
    name,
    version: view.version,
    request: view.entity.key,
    p99Ms: null,
    lookups: [{ alias: 'view', view, key, features }],
    computed,
    features: [
      ...computed.map(
        ({ alias, type }) => ({ name: alias, type, tier: 'request', from: alias, feature: null }) as const,
      ),
      ...features.map(
        (feature) => ({ name: `view_${feature}`, type: columns[feature], tier, from: 'view', feature }) as const,
      ),
    ],
  };
}
