import { canonicalJson, type Json } from '../../base/canonical-json.ts';
import { compareText } from '../../base/text-order.ts';

/** A field of a part that differs; undefined on the side that lacks it. */
export interface FieldChange {
  readonly field: string;
  readonly before: Json | undefined;
  readonly after: Json | undefined;
}

/** The fields in which two objects differ, by name; an object within is taken apart. */
export function fieldChanges(
  before: { readonly [field: string]: Json },
  after: { readonly [field: string]: Json },
  path = '',
): readonly FieldChange[] {
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort(compareText);
  return fields.flatMap((field): readonly FieldChange[] => {
    const was = Object.hasOwn(before, field) ? before[field] : undefined;
    const is = Object.hasOwn(after, field) ? after[field] : undefined;
    if (was !== undefined && is !== undefined) {
      if (canonicalJson(was) === canonicalJson(is)) return [];
      if (isObject(was) && isObject(is)) return fieldChanges(was, is, `${path}${field}.`);
    }
    return [{ field: `${path}${field}`, before: was, after: is }];
  });
}

function isObject(value: Json): value is { readonly [field: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
