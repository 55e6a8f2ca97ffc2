import type { FeatureServiceData } from '../define/declaration.ts';
import { windowsOf } from '../window/view-windows.ts';
import { sqlType, type Table } from './table.ts';

/**
 * The table of a service's logged vectors: `_id` (of the request), `_at`, `r_<request column>`, `f_<feature>`,
 * `missing` (features without an answer), and `n_<lookup>_<window>`, the events that the window had when it was served.
 */
export function servedTable(service: FeatureServiceData): Table {
  const request = Object.entries(service.request).map(([name, spec]) => [`r_${name}`, sqlType(spec)] as const);
  const features = service.features.map(({ name, type }) => [`f_${name}`, sqlType(type)] as const);
  const counts = countColumns(service).map((name) => [name, 'BIGINT'] as const);
  return {
    name: `served/${service.name}@${service.version}`,
    columns: Object.fromEntries([
      ['_id', 'STRING'],
      ['_at', 'BIGINT'],
      ...request,
      ...features,
      ['missing', 'LIST<STRING>'],
      ...counts,
    ]),
  };
}

/** Names of the count columns: stream lookups in order, each with its windows in order. */
export function countColumns(service: FeatureServiceData): readonly string[] {
  return service.lookups.flatMap(({ alias, view }) =>
    view.kind === 'streamView' ? windowsOf(view).map((_, window) => `n_${alias}_${window}`) : [],
  );
}
