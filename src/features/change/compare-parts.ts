import { compareText } from '../../base/text-order.ts';
import { columnSteps } from '../../schema/evolve-columns.ts';
import { typeText } from '../../schema/type-text.ts';
import type { TilesKept } from '../tile/tiles-kept.ts';
import type { Change, ColumnChange } from './change.ts';
import type { DeclaredPart } from './declaration-document.ts';
import { type FieldChange, fieldChanges } from './field-changes.ts';
import { partColumns } from './source-schemas.ts';

/** The changes between two states of one part; a rejected new meaning is the only one. */
export function compareParts(before: DeclaredPart, part: DeclaredPart): readonly Change[] {
  const steps = before.kind === 'eventSource' && part.kind === 'eventSource' ? evolution(before, part) : null;
  const meaning = meaningChanges(before, part).filter(({ field }) => steps === null || !isColumn(field));
  if (meaning.length > 0) return [{ kind: 'refuseMeaning', part, fields: meaning }];
  const come = only(part.features, before.features);
  const gone = only(before.features, part.features);
  const tiles = tileChanges(before.tiles, part.tiles);
  const settings = fieldChanges(before.settings, part.settings);
  const changes: readonly (Change | false)[] = [
    steps !== null && steps.length > 0 && { kind: 'evolveColumns', part, steps },
    come.length > 0 && { kind: 'addFeatures', part, features: come },
    gone.length > 0 && { kind: 'removeFeatures', part, features: gone },
    tiles.length > 0 && { kind: 'refillTiles', part, fields: tiles },
    settings.length > 0 && { kind: 'changeSettings', part, fields: settings },
    before.code !== part.code && { kind: 'changeCode', part },
  ];
  return changes.filter((change) => change !== false);
}

/** How the columns of a source become the declared ones; null: not without another version. */
function evolution(before: DeclaredPart, part: DeclaredPart): readonly ColumnChange[] | null {
  const [was, is] = [partColumns(before), partColumns(part)];
  const steps = columnSteps(was, is);
  const changes = steps.flatMap((step): readonly ColumnChange[] => {
    if (step.kind === 'refuse') return [];
    const former = Object.hasOwn(was, step.column) ? typeText(was[step.column]) : null;
    return [{ column: step.column, kind: step.kind, before: former, after: typeText(is[step.column]) }];
  });
  if (changes.length < steps.length) return null;
  const kept = Object.keys(is).filter((column) => Object.hasOwn(was, column));
  if (kept.join('\n') === Object.keys(was).join('\n')) return changes;
  return [
    ...changes,
    { column: 'columns', kind: 'reorder', before: Object.keys(was).join(', '), after: kept.join(', ') },
  ];
}

function isColumn(field: string): boolean {
  return field === 'columnOrder' || field.startsWith('columns.');
}

/** The names that only the first has, in order. */
function only(of: DeclaredPart['features'], without: DeclaredPart['features']): readonly string[] {
  return Object.keys(of)
    .filter((feature) => !Object.hasOwn(without, feature))
    .sort(compareText);
}

/** The meaning that answers depend on: that of the part, and of each feature in both states. */
function meaningChanges(before: DeclaredPart, part: DeclaredPart): readonly FieldChange[] {
  if (before.kind !== part.kind) return [{ field: 'kind', before: before.kind, after: part.kind }];
  const features = Object.keys(before.features).filter((feature) => Object.hasOwn(part.features, feature));
  const kept = (of: DeclaredPart) => Object.fromEntries(features.map((feature) => [feature, of.features[feature]]));
  return [...withoutOrders(fieldChanges(before.meaning, part.meaning)), ...fieldChanges(kept(before), kept(part))];
}

/** The items that an order refers to. */
const ORDERED: Readonly<Record<string, string>> = {
  columnOrder: 'columns.',
  featureOrder: 'features.',
  entityKeyOrder: 'entityKey.',
};

/** The changes without those of an order whose names have changed themselves, which is enough to know. */
function withoutOrders(changes: readonly FieldChange[]): readonly FieldChange[] {
  return changes.filter(({ field }) => {
    const names = ORDERED[field];
    return names === undefined || !changes.some((other) => other.field.startsWith(names));
  });
}

/** Why the stored tiles no longer do. */
function tileChanges(before: TilesKept | null, after: TilesKept | null): readonly FieldChange[] {
  if (before === null || after === null) return [];
  return fieldChanges({ ...before }, { ...after });
}
