import type { QueryOrder } from '../../ports/registry-query.ts';
import type { FilterTarget } from './filter-target.ts';
import { filterFault, filterTokens } from './filter-tokens.ts';
import { fieldAt } from './parse-filter.ts';

/** Parses the keys of an order, such as `metrics.auc DESC`. Error: REGISTRY_FILTER. */
export function parseOrders(target: FilterTarget, orders: readonly string[]): readonly QueryOrder[] {
  const parsed = orders.map((order) => parseOrder(target, order));
  const seen = new Set<string>();
  for (const { field } of parsed) {
    const name = `${field.of}.${field.key}`;
    if (seen.has(name)) throw filterFault(`Invalid order_by: ${JSON.stringify(name)} is there twice`);
    seen.add(name);
  }
  return parsed;
}

function parseOrder(target: FilterTarget, order: string): QueryOrder {
  // Names with a space are aliases of attributes, without quotes: `attribute.run name`.
  const spaced = /^(?:attributes?\.)?((?:run|Run) (?:name|id))(?:\s+(asc|desc))?$/i.exec(order.trim());
  const tokens = filterTokens(spaced === null ? order : `\`${spaced[1]}\` ${spaced[2] ?? ''}`);
  const { field, end } = fieldAt(target, tokens, 0);
  if (field.of === 'dataset') throw filterFault('Invalid order_by: data sets have no order');
  const way = tokens[end]?.text.toUpperCase() ?? 'ASC';
  if ((way !== 'ASC' && way !== 'DESC') || tokens.length > end + 1)
    throw filterFault(`Invalid order_by ${JSON.stringify(order)}: write a field, then ASC or DESC`);
  return { field, ascending: way === 'ASC' };
}
