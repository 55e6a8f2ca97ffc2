import type { EventSourceData } from '../define/declaration.ts';
import { type AdmissionPlan, admission } from './admission.ts';
import { INGEST, sourceColumn } from './names.ts';
import { INGEST_TS } from './raw-table.ts';
import { SPINE_AT, SPINE_ID } from './scan.ts';

/** Accepted events under declared names, for SQL that people write and for spines. */
export interface DeclaredPlan {
  readonly kind: 'declared';
  readonly from: AdmissionPlan;
  /** Declared name by column of the accepted events. */
  readonly columns: readonly { readonly column: string; readonly name: string }[];
  /** Only events with `from <= time < to`; null: no bound. */
  readonly between: { readonly from: number | null; readonly to: number | null };
}

/** The accepted events of a source with its own columns and `_ingest_ts`. */
export function declaredEvents(source: EventSourceData, relation: string): DeclaredPlan {
  const own = Object.keys(source.columns).map((name) => ({ column: sourceColumn(name), name }));
  return {
    kind: 'declared',
    from: admission(source, relation),
    columns: [...own, { column: INGEST, name: INGEST_TS }],
    between: { from: null, to: null },
  };
}

/** The accepted events of a source as a spine: `_id`, `_at` and the given columns, of events with `from <= time < to`. */
export function spineEvents(
  source: EventSourceData,
  relation: string,
  columns: readonly string[],
  between: DeclaredPlan['between'],
): DeclaredPlan {
  return {
    kind: 'declared',
    from: admission(source, relation),
    columns: [
      { column: sourceColumn(source.id), name: SPINE_ID },
      { column: sourceColumn(source.time), name: SPINE_AT },
      ...columns.map((name) => ({ column: sourceColumn(name), name })),
    ],
    between,
  };
}
