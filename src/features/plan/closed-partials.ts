import type { AsOfPlan } from './as-of.ts';
import type { ExtremesPlan, WindowColumn } from './extremes.ts';

/** Partials over the closed part of each window, `from <= ts < until`: the points' key and `q`, and the columns. */
export interface ClosedPartialsPlan {
  readonly kind: 'closedPartials';
  readonly lookedUp: AsOfPlan;
  readonly extremes: ExtremesPlan | null;
  readonly columns: readonly ClosedColumn[];
}

/** The computation of a column from the looked-up values. */
export type ClosedColumn = WindowColumn &
  (
    | {
        readonly how: 'difference' /** Sum before `until`. */;
        readonly head: string /** Sum before `from`; null: there is nothing before. */;
        readonly tail: string | null;
      }
    | { readonly how: 'last'; readonly ts: string; readonly value: string }
    | { readonly how: 'first'; readonly ts: string; readonly value: string }
    | { readonly how: 'extreme' }
  );
