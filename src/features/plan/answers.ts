import type { AggregateSpec } from '../define/declaration.ts';
import type { ChangedPartialsPlan } from './changed-partials.ts';
import type { ClosedPartialsPlan } from './closed-partials.ts';
import type { GenerationPlan } from './generation.ts';
import type { MergedPartialsPlan } from './merged-partials.ts';
import type { PointKey } from './points.ts';
import type { ScanPlan } from './scan.ts';
import type { WindowPartsPlan } from './window-parts.ts';

/** Every row of a spine, duplicates too, with the answers of views; one without an entity or a row has nulls. */
export interface AnswersPlan {
  readonly kind: 'answers';
  readonly spine: ScanPlan;
  readonly columns: readonly AnswerColumn[];
}

/** Where a view's answers come from, and how spine rows find theirs: by key and instant. */
export interface AnswerSource {
  readonly plan:
    | ChangedPartialsPlan
    | ClosedPartialsPlan
    | MergedPartialsPlan
    | WindowPartsPlan
    | GenerationPlan
    | ScanPlan;
  readonly keys: readonly PointKey[];
}

export type AnswerColumn =
  /** A column of the spine. */
  | { readonly kind: 'spine'; readonly name: string; readonly column: string }
  /** An aggregate finalised from its partials `<aggregate>_<suffix>_w<window>`. */
  | {
      readonly kind: 'aggregate';
      readonly name: string;
      readonly from: AnswerSource;
      readonly spec: AggregateSpec;
      readonly window: number;
    }
  /** Lists of parts and of their values, for the algebra to finalise. */
  | { readonly kind: 'list'; readonly name: string; readonly from: AnswerSource; readonly column: 'parts' | 'vals' }
  /** A column as it is. */
  | { readonly kind: 'column'; readonly name: string; readonly from: AnswerSource; readonly column: string };
