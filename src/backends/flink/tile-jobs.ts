import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { Clock } from '../../base/time.ts';
import { STATE_SLACK_MS } from '../../features/plan/job-state.ts';
import type { Position } from '../../ports/position.ts';
import {
  type ComparedSample,
  type Deployed,
  type JobStatus,
  type JobSurroundings,
  missingOf,
  originText,
  type RestorePoint,
  type TileJobs,
} from '../../ports/tile-jobs.ts';
import { type ClusterJob, type FlinkCluster, isAlive, isBegun } from './cluster.ts';
import { type DeployedJob, readJobs, writeJobs } from './jobs-file.ts';
import type { Secrets } from './secrets.ts';
import { GatewaySession } from './sql-gateway.ts';
import type { TileJob } from './tile-job.ts';

export interface FlinkTileJobsOptions extends JobSurroundings {
  /** Of the declared job: its key and its text. */
  readonly key: string;
  readonly job: TileJob;
  readonly secrets: Secrets;
  /** The owner of the jobs on a shared cluster. */
  readonly namespace: string;
  readonly cluster: FlinkCluster;
  readonly gateway: string;
  /** The file of deployed jobs. */
  readonly path: string;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

const POLL_MS = 250;
const WATCH_MS = 1_000;

/** The longest wait for a job's first checkpoint, ms. After it the job is left running, or its failure is reported. */
const START_MS = 60_000;

/**
 * The Flink jobs of an environment: deployed through the SQL gateway, watched on the cluster. One file keeps the key of each job
 * and the states that it can resume from; it survives this process and the cluster.
 */
export class FlinkTileJobs implements TileJobs {
  readonly #options: FlinkTileJobsOptions;
  readonly #name: string;

  constructor(options: FlinkTileJobsOptions) {
    this.#options = options;
    this.#name = `headrace ${options.namespace} ${options.key}`;
  }

  /**
   * Deploys the declared job, or resumes it from its newest checkpoint or savepoint. Without one, or with `fresh`, it starts at the
   * log's beginning. Jobs of other declarations keep running. Errors: FLINK_*, LOG_*.
   */
  async deploy({ fresh = false }: { readonly fresh?: boolean } = {}): Promise<Deployed> {
    const { cluster } = this.#options;
    await this.#checkVersion();
    const known = this.#jobs().find(({ key }) => key === this.#options.key) ?? null;
    const running = (await cluster.jobs()).find((job) => job.name === this.#name && isAlive(job));
    if (running !== undefined) {
      await this.#note(running.id, known?.jobId === running.id ? known.restore : null);
      return { jobId: running.id, began: 'before', from: null };
    }
    const restore = fresh || known === null ? null : await this.#restorePoint(known);
    this.#checkAge(restore);
    await this.#options.prepare(restore === null);
    const jobId = await this.#submit(restore);
    await this.#note(jobId, restore);
    await this.#begun(jobId);
    return { jobId, began: restore === null ? 'anew' : 'restored', from: restore?.path ?? null };
  }

  /**
   * Deploys the declared job, waits until it has the whole present log, and compares a sample of its tiles with the events. A job
   * that was started for it and differs is stopped, and starts fresh the next time.
   * Errors: those of `deploy`, TILES_DIFFERS.
   */
  async upgrade(onWait: (behind: number) => void): Promise<Deployed & { readonly compared: ComparedSample }> {
    const deployed = await this.deploy();
    const ends = await this.#options.logEnds();
    for (;;) {
      const behind = missingOf(ends, await this.#options.done());
      if (behind === 0) return { ...deployed, compared: await this.#compare(deployed, ends) };
      onWait(behind);
      await this.#mustLive(deployed.jobId);
      if (!(await this.#options.cluster.jobs()).some(({ id }) => id === deployed.jobId))
        throw fail('TILES_FAILED', { job: deployed.jobId, state: 'LOST', reason: 'its job manager has forgotten it' });
      await sleep(WATCH_MS);
    }
  }

  /**
   * Stops the declared job with a savepoint, from which the next deploy resumes; with `others`, the jobs of other
   * declarations. Errors: TILES_ABSENT, FLINK_SAVEPOINT.
   */
  async stop({ others = false }: { readonly others?: boolean } = {}): Promise<readonly JobStatus[]> {
    const { cluster, key, clock } = this.#options;
    const alive = new Set((await cluster.jobs()).filter(isAlive).map(({ id }) => id));
    const chosen = this.#jobs().filter((job) => (job.key === key) !== others && !job.stopped && alive.has(job.jobId));
    if (chosen.length === 0 && !others) throw fail('TILES_ABSENT', { where: `on ${cluster.url}` });
    for (const job of chosen) this.#write({ ...job, stopped: true, restore: await cluster.stop(job.jobId, clock()) });
    return (await this.status()).filter((job) => chosen.some(({ jobId }) => jobId === job.jobId));
  }

  async #compare({ jobId, began }: Deployed, ends: Position): Promise<ComparedSample> {
    const { cluster, compare } = this.#options;
    try {
      return await compare(ends);
    } catch (error) {
      const known = this.#jobs().find((job) => job.jobId === jobId);
      if (began === 'before' || known === undefined || !isHeadraceError(error, 'TILES_DIFFERS')) throw error;
      await cluster.cancel(jobId);
      this.#write({ ...known, stopped: true, restore: null });
      throw error;
    }
  }

  /** How every deployed job stands; the declared one first. */
  async status(): Promise<readonly JobStatus[]> {
    const { cluster, key } = this.#options;
    const found = new Map((await cluster.jobs()).map((job) => [job.id, job]));
    const jobs = [...this.#jobs()].sort((a, b) => Number(b.key === key) - Number(a.key === key));
    return Promise.all(jobs.map((job) => this.#statusOf(job, found.get(job.jobId))));
  }

  /**
   * Looks after the declared job until `until`: notes its checkpoints, and submits it again from the newest where the cluster has
   * forgotten it. Error: TILES_FAILED, where it ended otherwise.
   */
  async watch(until: Promise<void>, tell: (line: string) => void): Promise<void> {
    let ending = false;
    void until.then(() => {
      ending = true;
    });
    let away = false;
    while (!ending) {
      try {
        const deployed = await this.#look();
        if (deployed !== null) tell(`job ${deployed.jobId} was submitted again, ${originText(deployed)}`);
        away = false;
      } catch (error) {
        if (!isHeadraceError(error, 'FLINK_UNREACHABLE') && !isHeadraceError(error, 'FLINK_REFUSED')) throw error;
        if (!away) tell(`${error.message}; waiting for it`);
        away = true;
      }
      await Promise.race([sleep(WATCH_MS), until]);
    }
  }

  /** Notes the newest checkpoint; where the job is lost, deploys it again. */
  async #look(): Promise<Deployed | null> {
    const { cluster, key } = this.#options;
    const known = this.#jobs().find((job) => job.key === key);
    if (known === undefined || !(await cluster.jobs()).some(({ id }) => id === known.jobId)) return this.deploy();
    const newest = (await this.#mustLive(known.jobId)) ? await cluster.newestCheckpoint(known.jobId) : null;
    if (newest !== null && newest.path !== known.restore?.path) this.#write({ ...known, restore: newest });
    return null;
  }

  async #statusOf(job: DeployedJob, found: ClusterJob | undefined): Promise<JobStatus> {
    const { cluster, key } = this.#options;
    const state = job.stopped ? 'STOPPED' : (found?.state ?? 'LOST');
    const told = found !== undefined && isBegun(found);
    const newest = told && !job.stopped ? await cluster.newestCheckpoint(job.jobId) : null;
    const failures = told ? await cluster.failures(job.jobId) : [];
    return {
      key: job.key,
      declared: job.key === key,
      jobId: job.jobId,
      state,
      checkpoint: newest ?? job.restore,
      failures,
    };
  }

  async #checkVersion(): Promise<void> {
    const { cluster } = this.#options;
    const found = await cluster.version();
    const minor = Number(/^2\.(\d+)/.exec(found)?.[1] ?? -1);
    if (minor < 3) throw fail('FLINK_VERSION', { url: cluster.url, found });
  }

  /** The state that the job can resume from, by its folder, since a recorded checkpoint may be deleted; null: none. */
  async #restorePoint(job: DeployedJob): Promise<RestorePoint | null> {
    if (job.stopped) return job.restore;
    const { cluster } = this.#options;
    const onCluster = (await cluster.jobs()).find(({ id }) => id === job.jobId);
    const told = onCluster !== undefined && isBegun(onCluster) ? await cluster.newestCheckpoint(job.jobId) : null;
    return told ?? newestCheckpointIn(job.checkpoints) ?? job.restore;
  }

  #checkAge(restore: RestorePoint | null): void {
    if (restore === null) return;
    const ageMs = this.#options.clock() - restore.at;
    if (ageMs > STATE_SLACK_MS)
      throw fail('TILES_STATE_OLD', { path: restore.path, hours: Math.round(ageMs / 3_600_000) });
  }

  async #submit(restore: RestorePoint | null): Promise<string> {
    const { gateway, job, secrets, timeoutMs, cluster } = this.#options;
    const session = await GatewaySession.open(
      gateway,
      {
        ...job.properties,
        'pipeline.name': this.#name,
        ...(restore === null ? {} : { 'execution.state-recovery.path': restore.path }),
      },
      timeoutMs,
      secrets,
    );
    try {
      let started: string | null = null;
      for (const statement of job.statements) started = (await session.run(statement)).jobId ?? started;
      if (started === null) throw fail('FLINK_REFUSED', { url: cluster.url, reason: 'no job came of the statements' });
      return started;
    } finally {
      await session.close();
    }
  }

  /** Waits for the first checkpoint of a job, from which it can resume. Error: TILES_FAILED. */
  async #begun(jobId: string): Promise<void> {
    const { cluster } = this.#options;
    for (const end = performance.now() + START_MS; performance.now() < end; await sleep(POLL_MS)) {
      const newest = (await this.#mustLive(jobId)) ? await cluster.newestCheckpoint(jobId) : null;
      if (newest !== null) return this.#note(jobId, newest);
    }
    const [failure] = await cluster.failures(jobId);
    if (failure !== undefined) throw fail('TILES_FAILED', { job: jobId, state: 'RESTARTING', reason: failure.reason });
  }

  /** Whether a job answers already; one that the cluster does not know may come to be. Error: TILES_FAILED. */
  async #mustLive(jobId: string): Promise<boolean> {
    const { cluster } = this.#options;
    const job = (await cluster.jobs()).find(({ id }) => id === jobId);
    if (job === undefined || isAlive(job)) return job !== undefined && isBegun(job);
    const [failure] = await cluster.failures(jobId);
    throw fail('TILES_FAILED', { job: jobId, state: job.state, reason: failure?.reason ?? 'it was ended by hand' });
  }

  async #note(jobId: string, restore: RestorePoint | null): Promise<void> {
    const { key, cluster } = this.#options;
    this.#write({ key, jobId, stopped: false, checkpoints: await cluster.checkpointsOf(jobId), restore });
  }

  #jobs(): readonly DeployedJob[] {
    return readJobs(this.#options.path);
  }

  #write(job: DeployedJob): void {
    writeJobs(this.#options.path, [...this.#jobs().filter(({ key }) => key !== job.key), job]);
  }
}

/**
 * The newest whole checkpoint in the folder of a job, as `chk-<n>` with its `_metadata`: what a cluster that died can no longer
 * tell. null where there is none, or the folder is not of this machine.
 */
export function newestCheckpointIn(folder: string | null): RestorePoint | null {
  if (folder === null || !folder.startsWith('file:')) return null;
  const path = fileURLToPath(folder.replace(/^file:(?!\/\/)/, 'file://'));
  if (!existsSync(path)) return null;
  const whole = readdirSync(path)
    .flatMap((name) => {
      const number = /^chk-(\d+)$/.exec(name)?.[1];
      const metadata = join(path, name, '_metadata');
      return number === undefined || !existsSync(metadata) ? [] : [{ number: Number(number), name, metadata }];
    })
    .sort((a, b) => b.number - a.number)[0];
  if (whole === undefined) return null;
  return { path: pathToFileURL(join(path, whole.name)).href, at: statSync(whole.metadata).mtimeMs };
}
