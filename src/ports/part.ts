/** One value of a figure with its label values. */
export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** Counted durations, as a histogram of any bounds reads them. */
export interface Durations {
  /** Observations. */
  readonly count: number;
  /** Their sum, ms. */
  readonly sumMs: number;
  /** Observations of at most each of the ascending bounds, ms. */
  within(boundsMs: readonly number[]): readonly number[];
}

/** A Prometheus alert that stands on a figure. `deploy/prometheus/headrace.rules.yml` is written from these. */
export interface AlertRow {
  /** `HeadraceBatchOverdue`: unique among all parts. */
  readonly name: string;
  /** PromQL; it holds the name of its figure. */
  readonly expr: string;
  /** How long the expression must hold before the alert fires: `5m`. */
  readonly for: string;
  /** page: somebody must act now. ticket: somebody must act within days. */
  readonly severity: 'page' | 'ticket';
  /** The problem and the hint, with `{{ $labels.x }}` and `{{ $value }}` filled in by Prometheus. */
  readonly summary: string;
}

/** The description of a Prometheus metric. Its label values are declared names, or listed in the help text. */
export interface FigureRow {
  readonly name: string;
  readonly type: 'histogram' | 'counter' | 'gauge';
  readonly unit: string;
  readonly labels: readonly string[];
  readonly help: string;
  readonly alerts?: readonly AlertRow[];
}

/** A figure of an open part; its values are read at each scrape. */
export type OpenFigure = FigureRow &
  (
    | { readonly type: 'counter' | 'gauge'; read(now: number): readonly Sample[] }
    | {
        readonly type: 'histogram';
        /** Upper bounds of the buckets, s. */
        readonly boundsS: readonly number[];
        read(now: number): readonly (readonly [labels: Readonly<Record<string, string>>, durations: Durations])[];
      }
  );

/**
 * One part of a running project. Metrics, status, readiness and shutdown are loops over parts.
 *
 * 1. `figures` always returns the same rows, and each name belongs to one part.
 * 2. `health` names everything that works, but not as declared. A missing input is never healthy.
 * 3. `waiting` names everything that requests need and that is missing.
 * 4. `status` returns plain JSON data under keys that belong to this part alone.
 * 5. `tick` starts work that is due at `now` (epoch ms). It may throw a failure of earlier background work.
 * 6. After `flush`, every store holds the data that the part accepted before the call.
 * 7. `close` ends the background work of the part, then flushes. Only `left` is called after it.
 * 8. `left` names what the part accepted and has not written to every store, as far as it is known without asking.
 */
export interface Part {
  readonly name: string;
  figures(): readonly OpenFigure[];
  health(now: number): readonly string[];
  waiting(): readonly string[];
  status(now: number): Readonly<Record<string, unknown>>;
  tick(now: number): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
  left(): readonly string[];
}
