import { canonicalJson } from '../../base/canonical-json.ts';
import { sha256Hex } from '../../base/hash/sha256.ts';
import type { StreamViewData } from '../define/declaration.ts';
import { tilesKept } from './tiles-kept.ts';

/**
 * The identity under which stores keep the tiles of a view: `by_route@2.1f3a5c7e`, name, version, and eight digits of a hash
 * of what tiles are kept. Other aggregates, hops or horizons are another identity, whose tiles are computed from the
 * history: no reader takes one layout for another, or a tile that was dropped for one without events.
 */
export function tileIdentity(view: StreamViewData): string {
  const { aggregates, keptMs } = tilesKept(view);
  return `${view.name}@${view.version}.${sha256Hex(canonicalJson({ aggregates, keptMs })).slice(0, 8)}`;
}
