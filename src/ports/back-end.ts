import type { MaybePromise } from '../base/maybe-promise.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import type { TileRun } from '../features/tile/tile-run.ts';
import type { EventLog } from './event-log.ts';
import type { HistoryEngine } from './history-engine.ts';
import type { OnlineStore, TileRead } from './online-store.ts';
import type { TlsFiles } from './options.ts';
import type { Position } from './position.ts';
import type { ProfileEngine } from './profile-engine.ts';
import type { ScoreEngine } from './score-engine.ts';
import type { StreamLanes } from './stream-lanes.ts';
import type { JobSurroundings, TileJobs } from './tile-jobs.ts';
import type { ShareGroup, ShareNames, TileShares } from './tile-shares.ts';
import type { TopicEnds } from './tile-topics.ts';

/** Files of TLS, read, in PEM form. */
export interface Pem {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
}

/** `engines`: an engine elsewhere reads it. `lanes`: streams are divided among processes. */
export type LogFact = 'engines' | 'lanes';

/** `shared`: hosts read the same store. `writers`: many processes may write its tiles. */
export type OnlineFact = 'shared' | 'writers';

/** `scores`: it scores batch jobs. `profiles`: it profiles files. */
export type HistoryFact = 'scores' | 'profiles';

/** An environment as its back ends see it. */
export interface BackEndPlace {
  /** Of the environment's data. */
  readonly directory: string;
  readonly namespace: string;
  readonly project: string;
  readonly durability: 'process' | 'power';
  readonly partitions: number;
  /** The most bytes of rows of batch views in memory. */
  readonly rowBytes: number;
  /** The identity of the data in the directory. */
  readonly dataId: () => string;
  /** The identity of the directory among processes that share topics: the same for each life. */
  readonly memberId: () => string;
  /** The value of a secret that an option names. Error: CONFIG_SECRET. */
  readonly secretOf: (named: { readonly env: string }, option: string) => string;
  /** Error: CONFIG_TLS. */
  readonly pemOf: (files: TlsFiles) => Pem;
  /** Whether an embedded log of the directory has events. */
  readonly hasEventsHere: () => boolean;
  readonly onFault: (error: unknown) => void;
}

/** A back end of one port, with the options of an environment. Its row (`back-end-row.ts`) is in its folder; site has a table of them. */
export interface BackEnd {
  readonly kind: string;
  /** Servers that have the data; empty: they are in the directory. */
  readonly addresses: readonly string[];
  /** Removes all data under names that begin so; `namesOf` takes the character that ends a namespace. */
  readonly clear: (namesOf: (end: string) => string, directories: readonly string[]) => Promise<void>;
  /** Rules of its port that do not apply to it. */
  readonly lacks: readonly string[];
}

/** Data in the directory, copied while a process writes them. */
export interface CopiedData {
  /** Of its folder. */
  readonly name: string;
  readonly copyTo: (folder: string) => MaybePromise<void>;
}

export interface LogBackEnd extends BackEnd {
  open(): MaybePromise<EventLog>;
  /** As `open`, with files so small that retention has whole ones to drop. */
  openSmall(): MaybePromise<EventLog>;
  /** Access of an engine elsewhere; null: it cannot read this log. */
  readonly forEngines: EngineLog | null;
  /** Streams whose partitions several processes divide; null: only one process has the log open. */
  readonly openLanes: (() => Promise<StreamLanes>) | null;
}

/** An event log as engines elsewhere reach it, and their topics of tiles next to it. */
export interface EngineLog {
  readonly addresses: readonly string[];
  /** The header of every record of the log. */
  readonly mark: string;
  /** Begins the names of this environment's topics. */
  readonly prefix: string;
  /** The name of a topic of the log there. */
  readonly topicName: (topic: string) => string;
  /** Settings of a client in Java; `packages` precedes the names of its classes. Errors: CONFIG_SECRET, CONFIG_TLS. */
  readonly client: (packages: string) => JavaSettings;
  /** Opens compacted topics, made if absent. Errors: LOG_*. */
  readonly readTopics: (topics: readonly KeptTopic[], partitions: number) => Promise<RecordTopics>;
}

/** Settings of a client in Java, by their names there. */
export interface JavaSettings {
  readonly shown: Readonly<Record<string, string>>;
  readonly secret: Readonly<Record<string, string>>;
}

/** A compacted topic, and how long the last record of a key is kept, ms; Infinity: for ever. */
export interface KeptTopic {
  readonly name: string;
  readonly keptMs: number;
}

/** A reader of compacted topics. */
export interface RecordTopics {
  ends(): Promise<TopicEnds>;
  read(
    from: Position,
    waitMs?: number,
    partitions?: readonly number[],
  ): Promise<{
    readonly records: readonly {
      readonly topic: string;
      readonly partition: number;
      readonly offset: number;
      readonly value: Uint8Array;
    }[];
    readonly next: Position;
    readonly hasMore: boolean;
  }>;
  /** The last known ends of the topics. */
  readonly knownEnds: Position;
  close(): Promise<void>;
}

export interface OnlineBackEnd extends BackEnd {
  /** Opens it to be written; with `shares`, other processes write the tiles. Errors: those of the store. */
  open(shares: ShareNames | null): MaybePromise<OnlineStore>;
  openReader(): MaybePromise<OnlineStore>;
  /** For processes that divide the writing of tiles; null: one process writes them. */
  readonly shares: SharedStore | null;
  /** Its failures over a network, for its rules; null: it is in the directory. */
  readonly failures: StoreFailures | null;
  /** null: its data are elsewhere. */
  readonly copied: CopiedData | null;
}

export interface SharedStore {
  open(names: ShareNames): Promise<TileShares>;
  /** Joins the processes that divide the shares. */
  join(names: ShareNames): Promise<ShareGroup>;
}

/** Failures of a store over a network, as its rules provoke them. */
export interface StoreFailures {
  open(): Promise<OnlineStore>;
  /** As after a crash between the last two steps of a commit. */
  cutShort(): Promise<void>;
  /** Loses everything. */
  lose(): Promise<void>;
  /** The store as many processes write it. */
  readonly shared: {
    serve(shares: number): Promise<void>;
    open(shares: number): Promise<TileShares>;
    read(read: TileRead): Promise<{ readonly run: TileRun; readonly degraded: boolean; readonly freshUntil: number }>;
    lose(): Promise<void>;
    close(): MaybePromise<void>;
  };
}

/** The job of a declaration on an engine elsewhere. */
export interface EngineJob {
  /** Its settings that follow from the declaration, with units; `checkpoint` is the time between two. */
  readonly settings: {
    readonly stateTtl: string;
    readonly miniBatch?: string | undefined;
    readonly checkpoint: string;
  };
  /** Its SQL, without secrets. */
  readonly texts: readonly string[];
  /** Controls it. `client` reaches the log. */
  control(surroundings: JobSurroundings, client: JavaSettings | undefined): TileJobs;
}

/** Names and places of a job. */
export interface EngineJobOptions {
  readonly project: ProjectData;
  /** Tells the job from others. */
  readonly key: string;
  /** The name under which it reads the log. */
  readonly reader: string;
  readonly log: EngineLog;
  readonly tileTopic: (view: Extract<ProjectData['views'][number], { kind: 'streamView' }>, hopMs: number) => string;
  readonly client: JavaSettings | undefined;
}

/** Another engine that computes the tiles of stream views. */
export interface EngineBackEnd extends BackEnd {
  /** `Flink`. */
  readonly called: string;
  /** Precedes the classes of its client of the log. */
  readonly clientPackages: string;
  /** Tells the job of one declaration from that of another. */
  jobTexts(project: ProjectData): readonly string[];
  job(options: EngineJobOptions): EngineJob;
  /** Ends a job as a failure does; `end` ends it for good. */
  kill(jobId: string): Promise<void>;
  end(jobId: string): Promise<void>;
  /** The shortest useful time between two checkpoints, as its option is written: its rules need not wait long. */
  readonly shortCheckpoint: string;
}

/** Computes over the history; null engine: the offline store itself does. */
export interface HistoryBackEnd {
  readonly kind: string;
  readonly engine: HistoryEngine | null;
  /** Scores batch jobs; left out: it cannot. */
  readonly scores?: ScoreEngine;
  /** Profiles files; left out: it cannot. */
  readonly profiles?: ProfileEngine;
}
