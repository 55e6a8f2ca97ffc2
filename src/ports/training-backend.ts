/** The processes of one attempt: N ranks that run together or not at all. */
export interface GangSpec {
  /** Unique; it names the same gang in every process. */
  readonly id: string;
  readonly command: readonly [string, ...string[]];
  /** Folder in which every rank runs. */
  readonly directory: string;
  /** Variables of each rank, besides those of the back end. */
  readonly ranks: readonly Readonly<Record<string, string>>[];
  /** Name of the instances that the run is placed on: `spot`, `on_demand`; absent: the back end chooses. */
  readonly placement?: string;
}

export type RankState =
  | { readonly state: 'running' }
  | { readonly state: 'ended'; readonly code: number | null; readonly signal: string | null }
  /** Its node cannot be reached. */
  | { readonly state: 'lost' };

export interface GangState {
  readonly ranks: readonly RankState[];
  /** Whether the provider takes an instance away: a notice, an instance that is gone or ends. */
  readonly preempted: boolean;
  /** Kills for memory that the kernel counted since the gang was submitted. */
  readonly oomKills: number;
  /** The state in the words of the back end, for people. */
  readonly detail?: string;
  /** Whether it holds no instances now and waits for some, or ended because there were none. */
  readonly waits?: boolean;
  /** The last step that its output names, where the heartbeats of its ranks are not in the folder of the run. */
  readonly step?: number;
  /** Seconds that it held instances, where the back end counts them. */
  readonly billedSeconds?: number;
}

/**
 * Runs gangs somewhere: processes of this machine, Slurm, Kubernetes, SkyPilot, Ray.
 *
 * 1. `submit` starts all ranks or none. A second call with the id of a gang that was submitted starts nothing.
 * 2. `state` of a gang that was never submitted is an error; of one that ended it stays readable.
 * 3. `signal` reaches every process of every rank, and none that is not of the gang.
 * 4. After `cancel` no process of the gang runs. It works on a gang that another process submitted, and twice.
 * 5. `tail` has the last lines of a rank, also after its end. Output is bounded on the disk.
 * 6. When the process that submitted is killed, its gang ends too, or a later `cancel` ends it: `outlivesSubmitter` says which.
 */
export interface TrainingBackend {
  readonly kind: string;
  /** Whether a gang runs on, and costs, when the process that submitted it has died. */
  readonly outlivesSubmitter: boolean;
  /** Error: RUN_SUBMIT. */
  submit(gang: GangSpec): Promise<void>;
  /** Errors: RUN_GANG, for an unknown id; RUN_UNREACHABLE, where the system does not answer now. */
  state(id: string): Promise<GangState>;
  signal(id: string, signal: 'SIGTERM' | 'SIGKILL' | 'SIGQUIT'): Promise<void>;
  tail(id: string, rank: number, lines: number): Promise<readonly string[]>;
  cancel(id: string): Promise<void>;
  close(): Promise<void>;
}

export interface TrainingRunOptions {
  /** More variables of the ranks. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Takes every line that a rank prints, where the back end has them at once. */
  readonly onLine?: ((line: string) => void) | undefined;
}

/**
 * Opens the back end of the run in a folder, and keeps other controllers away from it until it is closed. Error: RUN_LOCKED.
 */
export type OpenTrainingRun = (
  folder: string,
  options?: TrainingRunOptions,
) => { readonly backend: TrainingBackend; close(): Promise<void> };
