import { join } from 'node:path';
import type { Closing } from '../base/closing.ts';
import type { Clock } from '../base/time.ts';
import type { Environment } from '../environment/config.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import { StoreFaults } from '../observe/store-faults.ts';
import type { WatchOptions } from '../observe/watched.ts';
import { type Opener, OpenOnce } from './open-once.ts';

export interface SiteOptions {
  /** Left out: the environment has none. */
  readonly project?: ProjectData;
  readonly environment: Environment;
  /** Default: the clock of the system. */
  readonly clock?: Clock;
  /** Receives failures of background work; default: nobody does. */
  readonly onFault?: (error: unknown) => void;
  /** Receives the bytes of every file of the history that this process publishes. */
  readonly onPublished?: (table: string, bytes: number) => void;
  /** Faults that keep the stores from working now. */
  readonly faults?: StoreFaults;
}

/** Reads of the online store, the hottest paths. */
const ONLINE_READS = ['readTiles', 'readWindows', 'readBatch'] as const;

/** A store without methods whose faults count. */
const UNWATCHED = null;

/**
 * The stores of an environment. Each is a member that opens it at the first call; `close` closes them in the reverse order of their
 * opening. A new kind of store is one member here. Code of a store is loaded with its first opening, so a process loads the back
 * ends that it uses and no other.
 */
export class EnvironmentStores {
  readonly project: ProjectData;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
  /** Faults that keep the opened stores from working now. */
  readonly faults: StoreFaults;
  readonly #onPublished: (table: string, bytes: number) => void;
  readonly #once = new OpenOnce();

  constructor({ project, environment, clock = Date.now, onFault, onPublished, faults }: SiteOptions) {
    this.project = project ?? noProject(environment);
    this.environment = environment;
    this.clock = clock;
    this.onFault = onFault ?? (() => undefined);
    this.#onPublished = onPublished ?? (() => undefined);
    this.faults = faults ?? new StoreFaults(clock);
  }

  /** Files of models and runs. Errors: ARTIFACT_CLIENT, CONFIG_SECRET. */
  readonly artifacts = this.#store('artefacts', { handles: ['stage'] }, async () =>
    (await import('./open-artifacts.ts')).openArtifacts(this.environment),
  );

  /** The event log. One process has that of a directory. Errors: LOG_*. */
  readonly log = this.#store('event log', { leave: ['knownEnds'] }, async () =>
    (await backEnds()).logOf(this.environment, this.onFault).open(),
  );

  /** The lanes of streams of predictions; null: this process alone has the log, or there is no stream. */
  readonly lanes = this.#store('lanes of streams', { handles: ['join', 'open', 'fence'] }, async () => {
    const { openLanes } = (await backEnds()).logOf(this.environment);
    const { streams = [] } = this.project;
    return openLanes === null || streams.length === 0 ? null : openLanes();
  });

  /** The topics that another engine writes its tiles to; null: this process makes the tiles. */
  readonly topics = this.#store('tile topics', { leave: ['knownEnds'] }, async () => {
    if ((await backEnds()).engineOf(this.environment) === null) return null;
    return (await import('./tile-topics.ts')).openTileTopics(this.project, this.environment);
  });

  /**
   * The online store, to be written. Its reads are the hottest paths, and are not watched: the committer of a store over a network and
   * its readers report them, and the embedded one checks its pages itself.
   */
  readonly online = this.#store(
    'online store',
    { leave: [...ONLINE_READS, 'follow', 'check', 'memory', 'hasReaders'], handles: ['openCommit'] },
    async () => {
      const online = (await backEnds()).onlineOf(this.environment);
      const { shareNames } = await import('./tile-topics.ts');
      return online.open(online.shares === null ? null : shareNames(this.project, this.environment));
    },
  );

  /** The online store, to be read while another process writes it. */
  readonly onlineReader = this.#store('online store', UNWATCHED, async () =>
    (await backEnds()).onlineOf(this.environment).openReader(),
  );

  /** The history, to be written. One process has that of a directory. Errors: OFFLINE_*. */
  readonly offline = this.#store('history', { leave: ['tables', 'relation', 'soundRelation', 'damaged'] }, async () =>
    (await import('./open-history.ts')).openHistory(this.environment, 'write', this.#onPublished),
  );

  /** The published history as of its opening, to be read while another process writes it. Errors: OFFLINE_*. */
  readonly published = this.#store('published history', UNWATCHED, async () =>
    (await import('./open-history.ts')).openHistory(this.environment, 'read'),
  );

  /** The engine over the history; null: the offline store itself. */
  readonly engine = this.#value(async () => (await backEnds()).historyOf(this.environment).engine);

  /** Models, their versions and aliases. Errors: REGISTRY_*, CONFIG_SECRET. */
  readonly registry = this.#store('model registry', {}, async () =>
    (await import('./open-registry.ts')).openRegistry(this.environment),
  );

  /** The journals of playbooks; null: no model declares one. Errors: PLAYBOOK_*, REGISTRY_*. */
  readonly playbooks = this.#store('playbooks', {}, async () => {
    const isDeclared = this.project.models.some(({ playbook }) => Object.keys(playbook).length > 0);
    return isDeclared ? (await import('./open-registry.ts')).openPlaybooks(this.environment) : null;
  });

  /** Rollouts: all servers that share them answer the same cohorts. Errors: ROLLOUT_*, REGISTRY_*. */
  readonly rollouts = this.#store('rollouts', {}, async () =>
    (await import('./open-registry.ts')).openRollouts(this.environment),
  );

  /** The lease and the newest judgement of the monitor. Errors: REGISTRY_*. */
  readonly monitors = this.#store('state of the monitor', { leave: ['lease'] }, async () =>
    (await import('./open-registry.ts')).openMonitorStore(this.environment),
  );

  /** Incidents, their deliveries and silences. Errors: ALERT_*, REGISTRY_*. */
  readonly alerts = this.#store('incidents', {}, async () =>
    (await import('./open-registry.ts')).openAlertStore(this.environment),
  );

  /** Where ids wait that memory has no room for. */
  readonly waitingIds = this.#store('ids that wait for labels', { handles: ['of'] }, async () => {
    const { WaitingIdFiles } = await import('../backends/embedded/sqlite-waiting-ids.ts');
    return new WaitingIdFiles(join(this.environment.directory, 'waiting'));
  });

  /** Runs versions that are Python programs; null: the environment runs none. */
  readonly python = this.#store('workers of Python models', UNWATCHED, async () =>
    (await import('./open-python.ts')).openPython(this.environment, await this.artifacts()),
  );

  /** Runs model files on the calling thread. */
  readonly runtime = this.#value(async () => (await import('./runtimes.ts')).runtimes.here);

  /** Servers elsewhere that answer versions. */
  readonly upstreams = this.#value(async () => this.environment.models.upstreams);

  /** How trainings run here. */
  readonly training = this.#value(async () => (await import('./training-tools.ts')).trainingTools(this.environment));

  /** Makes spans, and sends waiting ones when it is closed; null: nothing is traced. Error: TRACE_CLIENT. */
  readonly traces = this.#store('traces', UNWATCHED, async () =>
    (await import('./open-traces.ts')).openTraces(this.environment, this.onFault),
  );

  /** The audit log, while it is open. */
  readonly audit = this.#store('audit log', UNWATCHED, async () => {
    const { openAudit } = await import('../operating/audit-log.ts');
    return openAudit(this.environment.directory, (file) => this.faults.watch('audit log', file));
  });

  /**
   * Closes everything that is open in the reverse order of its opening, also where one fails. With `closing` it never throws; else it
   * throws the first failure.
   */
  close(closing?: Closing): Promise<void> {
    return this.#once.close(closing);
  }

  /** Opens something else that ends with the site, in its turn. */
  keep<T>(name: string, open: () => T | Promise<T>): Promise<T> {
    return this.#once.opener(`the ${name}`, open)();
  }

  #store<T extends object | null>(name: string, watch: WatchOptions | null, open: () => Promise<T>): Opener<T> {
    return this.#once.opener(`the ${name}`, async () => {
      const store = await open();
      return store === null || watch === null ? store : this.faults.watch(name, store, watch);
    });
  }

  #value<T>(open: () => Promise<T>): Opener<T> {
    return this.#once.opener('a value', open);
  }
}

function backEnds() {
  return import('./back-ends/environment-back-ends.ts');
}

function noProject({ project }: Environment): ProjectData {
  return { kind: 'project', name: project, sources: [], views: [], services: [], models: [] };
}
