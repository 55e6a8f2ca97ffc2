/** A column and its type as one word. */
interface TypedColumn {
  readonly name: string;
  readonly type: string;
}

/** A change of one column from a schema to the next. */
export interface Revision {
  /** The schema that has it, from 2 on: the first has no change. */
  readonly no: number;
  readonly kind: 'added' | 'removed' | 'retyped';
  readonly column: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** Every change of a column within a version of a source, the newest first. */
export function columnHistory(source: {
  readonly columns: readonly TypedColumn[];
  readonly earlier: readonly (readonly TypedColumn[])[];
}): readonly Revision[] {
  const schemas = [...source.earlier, source.columns];
  const changes = schemas.slice(1).flatMap((after, i) => changesOf(schemas[i] ?? [], after, i + 2));
  return changes.toReversed();
}

function changesOf(before: readonly TypedColumn[], after: readonly TypedColumn[], no: number): readonly Revision[] {
  const was = new Map(before.map(({ name, type }) => [name, type]));
  const is = new Map(after.map(({ name, type }) => [name, type]));
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((column): readonly Revision[] => {
    const types = { before: was.get(column) ?? null, after: is.get(column) ?? null };
    if (types.before === types.after) return [];
    const kind = types.before === null ? 'added' : types.after === null ? 'removed' : 'retyped';
    return [{ no, kind, column, ...types }];
  });
}
