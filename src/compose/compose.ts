import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyArtifacts } from '../backends/embedded/artifacts/copy-artifacts.ts';
import { copySqlite } from '../backends/embedded/copy-sqlite.ts';
import { holdLog } from '../backends/embedded/log/copy-log.ts';
import { copyOfflineStore } from '../backends/embedded/offline/copy-offline-store.ts';
import { scratchPath } from '../backends/embedded/offline/directory.ts';
import { openEmptyHistory } from '../backends/embedded/offline/empty-history.ts';
import { clearScratch } from '../backends/embedded/offline/engine.ts';
import { openOfflineStore } from '../backends/embedded/offline/offline-store.ts';
import { WaitingIdFiles } from '../backends/embedded/sqlite-waiting-ids.ts';
import { onnxProcesses } from '../backends/onnx/onnx-processes.ts';
import { onnxRuntime } from '../backends/onnx/onnx-runtime.ts';
import { onnxThreads } from '../backends/onnx/onnx-threads.ts';
import { tryOutOnnx } from '../backends/onnx/try-out.ts';
import { openOtlpSink } from '../backends/otlp/trace-sink.ts';
import { openObjectFiles } from '../backends/s3/object-files.ts';
import type { Closing } from '../base/closing.ts';
import { fail } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import { Tracer } from '../base/tracer.ts';
import type { Environment } from '../environment/config.ts';
import { ENVIRONMENT_FILE } from '../environment/environment-id.ts';
import { parseDeclaration } from '../features/change/declaration-document.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import { checkBatchSql } from '../featurestore/batch/read-batch.ts';
import type { StoreFaults } from '../observe/store-faults.ts';
import { openAudit } from '../operating/audit-log.ts';
import { type BackupPart, backUp } from '../operating/backup.ts';
import type { BackupManifest } from '../operating/backup-manifest.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { EventLog } from '../ports/event-log.ts';
import type { HistoryEngine } from '../ports/history-engine.ts';
import type { ModelRegistry } from '../ports/model-registry.ts';
import type { ModelRuntime } from '../ports/model-runtime.ts';
import type { MonitorStore } from '../ports/monitor-store.ts';
import type { OfflineStore } from '../ports/offline-store.ts';
import type { OnlineStore } from '../ports/online-store.ts';
import type { PlaybookStore } from '../ports/playbook-store.ts';
import type { PythonRuntime } from '../ports/python-runtime.ts';
import type { RemoteWrites } from '../ports/remote-writes.ts';
import type { RolloutStore } from '../ports/rollout-store.ts';
import type { StreamLanes } from '../ports/stream-lanes.ts';
import type { TileTopics } from '../ports/tile-topics.ts';
import type { OpenTrainingRun } from '../ports/training-backend.ts';
import type { WaitingIds } from '../ports/waiting-ids.ts';
import { engineOf, historyOf, logOf, onlineOf } from './back-ends.ts';
import { databases } from './databases.ts';
import { openArtifacts } from './open-artifacts.ts';
import { hasPlaybook, trainerProgram, trainingRunsOf } from './open-playbooks.ts';
import { openPython } from './open-python.ts';
import { openMonitorStore, openPlaybooks, openRegistry, openRollouts, trackingUri } from './open-registry.ts';
import { openTileTopics, shareNames } from './tile-topics.ts';
import { watchStores } from './watch-stores.ts';

/** The declaration that the data of a directory were written under. */
const DECLARATION = 'declaration.json';

/** Where model files are run: on the calling thread, on threads of their own, and first where a crash harms nobody. */
export const runtimes = {
  here: onnxRuntime,
  thread: onnxThreads,
  process: onnxProcesses,
  tryOut: tryOutOnnx,
  memory: () => process.memoryUsage.rss(),
} as const;

/** Every back end of a running project. */
export interface Stores {
  readonly log: EventLog;
  /** Where streams of predictions go; null: this process alone has the log, or there is no stream. */
  readonly lanes: StreamLanes | null;
  /** Where another engine writes the tiles of stream views; null: the process makes them. */
  readonly topics: TileTopics | null;
  readonly online: OnlineStore;
  readonly offline: OfflineStore;
  /** The engine over the history; null: the offline store itself. */
  readonly engine: HistoryEngine | null;
  readonly registry: ModelRegistry;
  readonly rollouts: RolloutStore;
  /** The lease and the newest judgement of the monitor. */
  readonly monitors: MonitorStore;
  /** Where ids wait that memory has no room for. */
  readonly waitingIds: { of(name: string): WaitingIds; close(): void };
  /** The journals of playbooks; null: no model declares one. */
  readonly playbooks: PlaybookStore | null;
  readonly artifacts: ArtifactStore;
  readonly runtime: ModelRuntime;
  /** Runs versions that are Python programs; null: the environment runs none. */
  readonly python: PythonRuntime | null;
  /** Servers elsewhere that answer versions. */
  readonly upstreams: Environment['models']['upstreams'];
  /** The program that the embedded trainers run in. */
  readonly trainer: readonly [string, ...string[]];
  /** Where training runs keep their files. */
  readonly runs: string;
  /** Starts the processes of a training run. */
  readonly openRun: OpenTrainingRun;
  /** Where training programs log by a client of MLflow; null: nowhere. */
  readonly tracking: string | null;
  /** null: nothing is traced. */
  readonly traces: Traces | null;
  /** The audit log of the environment, while it is open. */
  readonly audit: { close(): void };
  /** Faults that keep the stores from working now. */
  readonly faults: StoreFaults;
}

/** Makes spans, and sends waiting ones when it is closed. */
export interface Traces {
  readonly tracer: Tracer;
  close(): Promise<void>;
}

/**
 * The one place that chooses back ends: opens those of an environment. If one fails, the opened ones are closed again.
 * `onPublished` receives the bytes of every file of the history, `faults` what keeps a store from working.
 */
export async function openStores(
  project: ProjectData,
  environment: Environment,
  onFault: (error: unknown) => void,
  onPublished: (table: string, bytes: number) => void,
  faults: StoreFaults,
): Promise<Stores> {
  const { directory } = environment;
  const opened: { close(): unknown }[] = [];
  const keepMaybe = (store: PythonRuntime | null) => (store === null ? null : keep(store));
  const keep = <T extends { close(): unknown }>(store: T): T => {
    opened.push(store);
    return store;
  };
  try {
    makeDirectory(directory);
    const artifacts = await openArtifacts(environment);
    const stores: Stores = {
      log: keep(await openLog(environment, onFault)),
      lanes: await openLanes(project, environment, keep),
      topics: engineOf(environment) === null ? null : keep(await openTileTopics(project, environment)),
      online: keep(await openOnline(project, environment)),
      // Real time, also in a replay: readers of other processes live by it.
      offline: keep(
        await openOfflineStore({
          path: join(directory, 'offline'),
          access: 'write',
          clock: Date.now,
          memoryLimitBytes: environment.offline.memory,
          onPublished,
        }),
      ),
      engine: historyOf(environment).engine,
      registry: keep(await openRegistry(environment)),
      playbooks: hasPlaybook(project) ? keep(await openPlaybooks(environment)) : null,
      rollouts: keep(await openRollouts(environment)),
      monitors: keep(await openMonitorStore(environment)),
      waitingIds: keep(new WaitingIdFiles(join(directory, 'waiting'))),
      artifacts,
      runtime: onnxRuntime,
      python: keepMaybe(await openPython(environment, artifacts)),
      upstreams: environment.models.upstreams,
      trainer: trainerProgram(),
      runs: join(directory, 'runs'),
      openRun: trainingRunsOf(environment),
      tracking: trackingUri(environment),
      traces: await openTraces(environment, onFault),
      audit: keep(openAudit(directory, (file) => faults.watch('audit log', file))),
      faults,
    };
    return watchStores(stores, faults);
  } catch (error) {
    for (const store of opened.reverse()) await store.close();
    throw error;
  }
}

/** Opens the event log of an environment. Errors: LOG_ELSEWHERE, LOG_LOCKED, those of the log. */
export async function openLog(environment: Environment, onFault: (error: unknown) => void): Promise<EventLog> {
  return logOf(environment, onFault).open();
}

async function openLanes(
  { streams = [] }: ProjectData,
  environment: Environment,
  keep: (lanes: StreamLanes) => StreamLanes,
): Promise<StreamLanes | null> {
  const { openLanes: open } = logOf(environment);
  return open === null || streams.length === 0 ? null : keep(await open());
}

/** The stores of a process that reads an environment while another one writes it. */
export interface ReadStores {
  readonly online: OnlineStore;
  /** null: nothing is traced. */
  readonly traces: Traces | null;
}

/** Opens an environment to be read. Errors: those of its online store, TRACE_CLIENT. */
export async function openReadStores(environment: Environment, onFault: (error: unknown) => void): Promise<ReadStores> {
  const store = await onlineOf(environment).openReader();
  try {
    return { online: store, traces: await openTraces(environment, onFault) };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function openOnline(declared: ProjectData, environment: Environment): Promise<OnlineStore> {
  const online = onlineOf(environment);
  return online.open(online.shares === null ? null : shareNames(declared, environment));
}

/** Share of the traces that are recorded where nobody says. */
const SAMPLE = 0.01;

/** Traces of an environment; null where nobody asks for them. Error: TRACE_CLIENT, where the configuration asks. */
async function openTraces({ project, traces }: Environment, onFault: (error: unknown) => void): Promise<Traces | null> {
  if (traces.otlp === undefined && !variablesAskForTraces()) return null;
  const told = Number(process.env['OTEL_TRACES_SAMPLER_ARG'] || Number.NaN);
  const monotonic = () => performance.now();
  try {
    const sink = await openOtlpSink({ url: traces.otlp ?? null, service: project, onFault, monotonic });
    const tracer = new Tracer({
      sink: (span) => sink.add(span),
      sample: traces.sample ?? (told >= 0 && told <= 1 ? told : SAMPLE),
      rng: Math.random,
      monotonic,
      clock: Date.now,
    });
    return { tracer, close: () => sink.close() };
  } catch (error) {
    // Other programs may have set the variable.
    if (traces.otlp !== undefined) throw error;
    onFault(error);
    return null;
  }
}

/** Whether the variables of OpenTelemetry name a collector. */
function variablesAskForTraces(): boolean {
  const { env } = process;
  const named = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  return !!named && env['OTEL_SDK_DISABLED'] !== 'true' && env['OTEL_TRACES_EXPORTER'] !== 'none';
}

/** The published history of an environment, to be read while another process writes it. */
export function openHistory({ directory, offline }: Environment): Promise<OfflineStore> {
  return openOfflineStore({
    path: join(directory, 'offline'),
    access: 'read',
    clock: Date.now,
    memoryLimitBytes: offline.memory,
  });
}

/** Prefix of scratch files of this process next to an environment's history; they go with the process, or after it. */
export function historyScratch({ directory }: Pick<Environment, 'directory'>): string {
  return join(scratchPath(join(directory, 'offline')), `${process.pid}-past-`);
}

/** Removes scratch files of dead processes from an environment's history. */
export function clearHistoryScratch({ directory }: Pick<Environment, 'directory'>): void {
  const history = join(directory, 'offline');
  if (existsSync(history)) clearScratch(scratchPath(history));
}

/**
 * Puts damaged files of an environment's history back from a backup; no other process may write it. Errors: OFFLINE_ABSENT, OFFLINE_LOCKED,
 * OFFLINE_CORRUPT for the first file that the backup does not have as it was published.
 */
export async function repairHistory(
  { directory }: Environment,
  backup: string,
): Promise<{ readonly damaged: number; readonly repaired: number }> {
  const path = join(directory, 'offline');
  if (!existsSync(path)) throw fail('OFFLINE_ABSENT', { path });
  const history = await openOfflineStore({ path, access: 'write', clock: Date.now });
  try {
    const { length: damaged } = await history.check();
    const repaired = await history.repair(join(backup, 'offline'));
    const [left] = history.damaged();
    if (left !== undefined) throw fail('OFFLINE_CORRUPT', { file: left.file, reason: left.reason });
    return { damaged, repaired };
  } finally {
    await history.close();
  }
}

/** Opens the object stores that addresses of files name. Error: REMOTE_CLIENT. */
export const openRemoteFiles = (): Promise<RemoteWrites> => openObjectFiles(process.env);

/** Opens what reads files of rows without an environment; close it. */
export const openFileReader = openEmptyHistory;

/** Checks the SQL of a project's batch views over empty tables. Errors: BATCH_SQL, BATCH_READ, BATCH_COLUMN, BATCH_TYPE. */
export async function checkBatchViews({ views }: ProjectData): Promise<void> {
  const history = await openEmptyHistory();
  try {
    for (const view of views) if (view.kind === 'batchView') await checkBatchSql(view, history);
  } finally {
    history.close();
  }
}

/** Closes every store, in the order of writing: nothing is lost. One that fails or hangs keeps no other open. Never throws. */
export async function closeStores(
  {
    log,
    lanes,
    topics,
    online,
    offline,
    python,
    registry,
    rollouts,
    monitors,
    waitingIds,
    playbooks,
    traces,
    audit,
  }: Stores,
  closing: Closing,
): Promise<void> {
  await closing.end('the workers of Python models', () => python?.close());
  await closing.end('the history', () => offline.close());
  await closing.end('the online store', () => online.close());
  await closing.end('the ids that wait for labels', () => waitingIds.close());
  await closing.end('the tile topics', () => topics?.close());
  await closing.end('the lanes of streams', () => lanes?.close());
  await closing.end('the event log', () => log.close());
  await closing.end('the playbooks', () => playbooks?.close());
  await closing.end('the state of the monitor', () => monitors.close());
  await closing.end('the rollouts', () => rollouts.close());
  await closing.end('the model registry', () => registry.close());
  await closing.end('the traces', () => traces?.close());
  await closing.end('the audit log', () => audit.close());
}

/**
 * Copies the data of an environment, also while a process writes them. The log is held first and copied after
 * everything that is read from it, and the declaration, which names the columns of its rows, last. Errors: BACKUP_*.
 */
export async function backUpEnvironment(
  environment: Environment,
  folder: string,
  madeAt: number,
): Promise<BackupManifest> {
  const { directory } = environment;
  const at = (name: string) => join(directory, name);
  if (!existsSync(at(DECLARATION))) throw fail('BACKUP_NOTHING', { directory });
  const { project } = parseDeclaration(readFileSync(at(DECLARATION), 'utf8'));
  const log = await holdLog(at('log'));
  try {
    const { copied } = onlineOf(environment);
    const hasLog = logOf(environment).addresses.length === 0;
    const parts: readonly BackupPart[] = [
      ...(copied === null ? [] : [copied]),
      { name: 'offline', copyTo: (to) => copyOfflineStore(at('offline'), to) },
      ...databases.map((name) => ({ name, copyTo: (to: string) => copySqlite(at(name), to) })),
      { name: 'artifacts', copyTo: (to) => copyArtifacts(at('artifacts'), to) },
      ...(hasLog ? [{ name: 'log', copyTo: (to: string) => log.copyTo(to) }] : []),
      ...(existsSync(at(ENVIRONMENT_FILE))
        ? [{ name: ENVIRONMENT_FILE, copyTo: (to: string) => copyFileSync(at(ENVIRONMENT_FILE), to) }]
        : []),
      { name: DECLARATION, copyTo: (to) => copyFileSync(at(DECLARATION), to) },
    ];
    return await backUp({ project, parts, folder, madeAt });
  } finally {
    await log.release();
  }
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    throw fail('CONFIG_DIRECTORY', { directory, reason: reasonOf(error) }, error);
  }
}
