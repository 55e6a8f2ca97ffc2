import { fail } from '../../base/errors/fail.ts';
import type { Columns } from '../../schema/column.ts';
import { parseTypeText } from '../../schema/parse-type-text.ts';
import { typeText } from '../../schema/type-text.ts';
import type { EventSourceData } from '../define/declaration.ts';
import type { DeclaredPart } from './declaration-document.ts';

/** Columns in order, each with its type as one word. */
type ColumnTexts = readonly (readonly [string, string])[];

/** The columns that rows were written with, first to last, by `name@version` of the source. */
export type SchemaTexts = { readonly [source: string]: readonly ColumnTexts[] };

/** The schemas with those of sources as they are declared now; one that is as before gets none. */
export function withSchemas(before: SchemaTexts, sources: readonly EventSourceData[]): SchemaTexts {
  const now = sources.map(({ name, version, columns }): [string, readonly ColumnTexts[]] => {
    const known = before[`${name}@${version}`] ?? [];
    const present = textsOf(columns);
    const isKnown = JSON.stringify(known.at(-1)) === JSON.stringify(present);
    return [`${name}@${version}`, isKnown ? known : [...known, present]];
  });
  return { ...before, ...Object.fromEntries(now) };
}

/** The columns that rows of a source may have been written under, first to last; the last are the declared ones. Error: DECLARATION_TEXT. */
export function schemasOf(schemas: SchemaTexts, { name, version, columns }: EventSourceData): readonly Columns[] {
  const known = schemas[`${name}@${version}`] ?? [];
  const isKnown = JSON.stringify(known.at(-1)) === JSON.stringify(textsOf(columns));
  return [...known.slice(0, isKnown ? -1 : undefined).map(columnsOf), columns];
}

/** The schemas of a document that was written before it had any: those of its parts. Error: DECLARATION_TEXT. */
export function schemasOfParts(parts: readonly DeclaredPart[]): SchemaTexts {
  return Object.fromEntries(
    parts
      .filter(({ kind }) => kind === 'eventSource')
      .map((part) => [`${part.name}@${part.version}`, [partTexts(part)]]),
  );
}

/** The columns of a source's part. Error: DECLARATION_TEXT. */
export function partColumns(part: DeclaredPart): Columns {
  return columnsOf(partTexts(part));
}

function partTexts({ name, meaning }: DeclaredPart): ColumnTexts {
  const { columns, columnOrder } = meaning;
  if (!Array.isArray(columnOrder) || typeof columns !== 'object' || columns === null || Array.isArray(columns))
    throw fail('DECLARATION_TEXT', { reason: `the source ${name} has no columns` });
  const texts = new Map(Object.entries(columns));
  return columnOrder.map((column) => [String(column), String(texts.get(String(column)))] as const);
}

function textsOf(columns: Columns): ColumnTexts {
  return Object.entries(columns).map(([name, spec]) => [name, typeText(spec)] as const);
}

function columnsOf(texts: ColumnTexts): Columns {
  return Object.fromEntries(
    texts.map(([name, text]) => {
      const spec = parseTypeText(text);
      if (spec === null) throw fail('DECLARATION_TEXT', { reason: `the column ${name} is a ${text}` });
      return [name, spec];
    }),
  );
}
