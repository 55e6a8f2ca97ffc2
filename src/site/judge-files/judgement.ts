import type { Season } from '../../monitoring/detect/season.ts';

/** Options of a comparison of two tables, as a caller writes them. */
export interface DriftAsked {
  readonly rule: string;
  readonly slice: string | null;
  readonly time: string | null;
  readonly season: Season | null;
  readonly ignore: readonly string[];
  readonly features: readonly string[];
  readonly windowsPerDay: number;
}

/** Options of a diagnosis. */
export interface GpuAsked {
  readonly device: string | null;
}

/** Options of a plan. */
export interface CostAsked {
  readonly draws: number;
  readonly seed: number;
  readonly oldPrices: boolean;
  readonly polarity: 'available' | 'unavailable' | null;
  readonly timeUnit: 'ms' | 's' | 'h' | null;
  /** The folder of imported prices. */
  readonly store: string;
}

/** The parts of a form by the name of their field, as paths of files. */
export type FormFiles = ReadonlyMap<string, readonly string[]>;

/** One judgement of files that a caller sent. */
export type Judgement =
  | { readonly kind: 'drift'; readonly options: DriftAsked }
  | { readonly kind: 'gpu'; readonly options: GpuAsked }
  | { readonly kind: 'cost'; readonly options: CostAsked };

/** The form of the message to the process that judges: `form` is the body as it came, `type` its content type. */
export interface ToJudge {
  readonly judgement: Judgement;
  readonly form: string;
  readonly type: string;
  /** The file that gets the answer, `{report, html}`. */
  readonly answer: string;
  readonly html: boolean;
}
