import type { EventSourceData } from '../define/declaration.ts';
import { sourceColumn } from './names.ts';
import { type ScanPlan, scanDeliveries, scanUnjudged } from './scan.ts';

/**
 * The accepted events of a source: of each id the first delivery in log order that is neither late nor from the future.
 * Runs once per source, before its views; the columns are those of the deliveries but for the verdict.
 */
export interface AdmissionPlan {
  readonly kind: 'admission';
  readonly from: ScanPlan;
  /** Of the deliveries those without a verdict: they lie before those with one, and only they are ranked here. */
  readonly unjudged: ScanPlan;
  readonly id: string;
  readonly time: string;
  readonly latenessMs: number;
  readonly futureSkewMs: number;
  /** null: all. */
  readonly reach: Reach | null;
}

/** Which events can count for a spine: those before its last instant (judged with the view's events), and no further back from its first than `backMs`. */
export interface Reach {
  readonly spine: ScanPlan;
  /** null: no bound. */
  readonly backMs: number | null;
}

/** Accepted events from the relation of a source's raw table. */
export function admission(source: EventSourceData, relation: string, reach: Reach | null = null): AdmissionPlan {
  return {
    kind: 'admission',
    from: scanDeliveries(source, relation),
    unjudged: scanUnjudged(source, relation),
    id: sourceColumn(source.id),
    time: sourceColumn(source.time),
    latenessMs: source.latenessMs,
    futureSkewMs: source.futureSkewMs,
    reach,
  };
}
