import type { Tensor } from '../../schema/tensor.ts';

/** A value of a request's parameter. */
export type Parameter = boolean | number | bigint | string;
export type Parameters = Readonly<Record<string, Parameter>>;

/** The place of a tensor in a region of shared memory. */
export interface SharedPlace {
  readonly region: string;
  /** From the region's begin, bytes. */
  readonly offset: number;
  readonly byteSize: number;
}

/** An output that a caller asks for. */
export interface AskedOutput {
  readonly name: string;
  /** Whether it comes as bytes after the JSON of the answer. */
  readonly binary: boolean;
  /** The most probable classes of each row, this many, in place of the values; 0: the values. */
  readonly classes: number;
  /** Where its elements are written in place of the answer; null: they are in the answer. */
  readonly shared: SharedPlace | null;
}

/** An inference request, whatever protocol brought it. */
export interface InferRequest {
  readonly model: string;
  /** As the caller wrote it; empty: the server's choice. */
  readonly version: string;
  readonly id: string;
  readonly parameters: Parameters;
  readonly inputs: readonly Tensor[];
  /** null: all of the model. */
  readonly outputs: readonly AskedOutput[] | null;
}

/** The caller of a request, and how long it waits. */
export interface InferCaller {
  /** The caller's share of a queue is that of its key; empty: nobody's. */
  readonly tenant: string;
  /** `performance.now()` from which on nobody waits for the answer. */
  readonly deadline: number;
  /** Aborted when the caller has gone. */
  readonly signal: AbortSignal | null;
  /** Whether it waits for room in a full queue, as a job does that has one request at a time; left out: it is refused. */
  readonly isPatient?: boolean;
  /** Its errors for requests that are not run; left out: those of the protocol. */
  readonly refusals?: Refusals;
}

/** Errors for requests that wait and are not run. */
export interface Refusals {
  /** More waits than may. `whose`: of the caller, or of all; `afterS`: when there may be room. */
  readonly full: (full: { readonly whose: 'caller' | 'all'; readonly rows: number; readonly afterS: number }) => Error;
  /** The caller waits no longer. */
  readonly late: (afterS: number) => Error;
  /** The caller has gone. */
  readonly left: (afterS: number) => Error;
}

/** The answer to a request. */
export interface InferReply {
  /** The caller's cohort in the rollout under way; left out without one. */
  readonly lane?: { readonly cohort: string; readonly rollout: string; readonly group: number };
  readonly model: string;
  readonly version: string;
  readonly id: string;
  readonly outputs: readonly Tensor[];
  /** Time that the request waited, and that its run took, ms. */
  readonly queueMs: number;
  readonly computeMs: number;
}
