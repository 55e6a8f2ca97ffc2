/** Progress of a run, as a placer sees it. */
export interface PlacedProgress {
  /** Seconds since the run began, by the clock of the instances. */
  readonly elapsedS: number;
  /** Steps that a checkpoint or a running attempt holds, and the last one. */
  readonly step: number;
  readonly targetSteps: number;
  /** Seconds since the attempt was submitted, by the clock of the instances. */
  readonly attemptS: number;
  /** Whether every rank has reported a step. */
  readonly running: boolean;
  /** Whether the gang of the attempt holds no instances and waits for some. */
  readonly waits: boolean;
}

export interface Placement {
  /** `spot`, `on_demand`, or another name. */
  readonly name: string;
  /** Of the whole gang. */
  readonly pricePerHour: number;
}

/** `leave`: the policy moves the gang. `notice`: the provider will take it. `gone`: it has. */
export type PlacementNews = 'keep' | 'leave' | 'notice' | 'gone';

/** Chooses the instances of a run. */
export interface Placer {
  /** Seconds of the instances' clock in a second of this machine: 1, or more where a recording is replayed. */
  readonly speed: number;
  /** Instances for the next attempt; null: none now. */
  place(progress: PlacedProgress): Placement | null;
  /** News of the placement of the running attempt. */
  look(progress: PlacedProgress): PlacementNews;
  /** Its memory, as plain data for the journal. */
  memory(): Readonly<Record<string, number | string>>;
  /** Takes the memory that the journal had. */
  restore(memory: Readonly<Record<string, unknown>>): void;
}
