import { canonicalJson } from '../../base/canonical-json.ts';
import { sha256Hex } from '../../base/hash/sha256.ts';
import type { StreamViewData } from '../define/declaration.ts';
import { tilesKept } from './tiles-kept.ts';

/**
 * The identity of a view's tiles in stores: `by_route@2.1f3a5c7e`, with name, version, and eight digits of a hash of the
 * stored layout. Other aggregates, hops or horizons are another identity, whose tiles are computed from the history. So no
 * reader confuses two layouts, or a dropped tile with one without events.
 */
export function tileIdentity(view: StreamViewData): string {
  const { aggregates, keptMs } = tilesKept(view);
  return `${view.name}@${view.version}.${sha256Hex(canonicalJson({ aggregates, keptMs })).slice(0, 8)}`;
}
