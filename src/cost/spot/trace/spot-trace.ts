/** The forms of trace files, by their content. */
export const traceFamilies = [
  'tick-counts',
  'interruption-flags',
  'node-events',
  'vm-counts',
  'step-counts',
  'reconfigurations',
] as const;
export type TraceFamily = (typeof traceFamilies)[number];

/** The meaning of the numbers of a file: instances that can be used, or the opposite. */
export type Polarity = 'available' | 'unavailable';

/** A recorded history of spot instances on an even grid of time. */
export interface SpotTrace {
  readonly name: string;
  readonly family: TraceFamily;
  /** Seconds between two ticks. */
  readonly gapS: number;
  /** Instances that can be used in each tick. */
  readonly counts: Uint16Array;
  /** Why the numbers are known to be available instances. */
  readonly evidence: string;
  /** When it begins, epoch ms; null where neither file nor name says so. */
  readonly startMs: number | null;
  /** The instance type or accelerator, from the name of the file. */
  readonly hardware: string | null;
  /** Faults of the file, which were not repaired. */
  readonly faults: readonly TraceFault[];
  /** Losses of instances in the events of the file; null where it has no events. */
  readonly losses: LossCount | null;
  /** The same in the order of the file, where its times go backwards and were sorted. */
  readonly lossesUnsorted: LossCount | null;
}

/** A fault of a trace file: a kind, how often, and an example. */
export interface TraceFault {
  readonly what: 'backwards' | 'hole' | 'added while alive' | 'removed while absent' | 'repeated tick';
  readonly count: number;
  readonly example: string;
}

/** How often instances were lost. */
export interface LossCount {
  readonly lost: number;
  readonly added: number;
  readonly instanceHours: number;
  readonly lostPerInstanceHour: number;
  readonly mostAlive: number;
  readonly leastAlive: number;
  readonly mostLostAtOnce: number;
  readonly lastEventS: number;
}

/** How to read a file that does not say everything about itself. */
export interface ReadTraceOptions {
  /** The user's word for the meaning of its numbers. */
  readonly polarity?: Polarity | undefined;
  /** Another recording of the same instances, with known meaning. */
  readonly twin?: SpotTrace | undefined;
  /** The unit of the first column of step counts. */
  readonly timeUnit?: 'ms' | 's' | 'h' | undefined;
  /** Sort lines whose times go backwards, which changes the number of losses. */
  readonly sorted?: boolean | undefined;
  /** Seconds between two ticks of files with events (60). */
  readonly gapS?: number | undefined;
}
