import { canonicalJson, type Json } from '../../base/canonical-json.ts';
import { sha256Hex } from '../../base/hash/sha256.ts';
import type { AggregateSpec, StreamViewData } from '../define/declaration.ts';
import { expressionText } from '../expression/expression-text.ts';

/**
 * The identity under which stores keep the tiles of a view: `by_route@2.1f3a5c7e`, name, version, and eight digits of a hash
 * of what lies in a tile and which hops there are. Another list of aggregates or hops is another identity, so that
 * no reader ever takes the bytes of one layout for another.
 */
export function tileIdentity({ name, version, aggregates, hopsMs }: StreamViewData): string {
  const layout = canonicalJson([aggregates.map(aggregateJson), hopsMs]);
  return `${name}@${version}.${sha256Hex(layout).slice(0, 8)}`;
}

function aggregateJson({ name, kind, input, inputType, params }: AggregateSpec): Json {
  const type = inputType === null ? null : [inputType.type, inputType.scale ?? null, inputType.nullable];
  return { name, kind, input: input === null ? null : expressionText(input), type, params };
}
