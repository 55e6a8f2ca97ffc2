import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { Clock } from '../../base/time.ts';
import { STATE_SLACK_MS } from '../../features/plan/job-state.ts';
import {
  type Deployed,
  type JobStatus,
  type JobSurroundings,
  missingOf,
  originText,
  type RestorePoint,
  type TileJobs,
} from '../../ports/tile-jobs.ts';
import {
  driverError,
  driverStatus,
  endDriver,
  isDriving,
  killDriver,
  killStarting,
  startDriver,
  type TileDriverOptions,
} from './tile-driver.ts';

export interface SparkTileJobsOptions extends TileDriverOptions, JobSurroundings {
  /** Of the declared job. */
  readonly key: string;
  /** Has a folder for each job; machines of the cluster reach it under the same path. */
  readonly directory: string;
  readonly clock: Clock;
}

const WATCH_MS = 1_000;

/**
 * The streaming jobs of an environment on Spark. Each is a driver in a separate process, which outlives the command that started
 * it, and a folder with its checkpoints.
 */
export class SparkTileJobs implements TileJobs {
  readonly #options: SparkTileJobsOptions;

  constructor(options: SparkTileJobsOptions) {
    this.#options = options;
  }

  async deploy({ fresh = false }: { readonly fresh?: boolean } = {}): Promise<Deployed> {
    const { clock, prepare } = this.#options;
    const folder = this.#folder();
    const before = driverStatus(folder);
    if (before !== null && isDriving(before, clock()))
      return { jobId: before.application, began: 'before', from: null };
    const restore = fresh ? null : checkpointIn(folder);
    if (restore !== null) this.#checkAge(restore);
    await prepare(restore === null);
    if (restore === null) rmSync(join(folder, 'checkpoint'), { recursive: true, force: true });
    const { application } = await startDriver(folder, randomUUID(), this.#options);
    return { jobId: application, began: restore === null ? 'anew' : 'restored', from: restore?.path ?? null };
  }

  async upgrade(onWait: (behind: number) => void): ReturnType<TileJobs['upgrade']> {
    const deployed = await this.deploy();
    const ends = await this.#options.logEnds();
    for (;;) {
      const behind = missingOf(ends, await this.#options.done());
      if (behind === 0) break;
      onWait(behind);
      // A dead driver is not restarted here: if its cause of death persists, it would never catch up.
      if (!this.#mustLive())
        throw fail('TILES_FAILED', { job: deployed.jobId, state: 'LOST', reason: 'its driver was killed' });
      await sleep(WATCH_MS);
    }
    try {
      return { ...deployed, compared: await this.#options.compare(ends) };
    } catch (error) {
      if (deployed.began !== 'before' && isHeadraceError(error, 'TILES_DIFFERS')) {
        await endDriver(this.#folder(), this.#options.clock);
        rmSync(join(this.#folder(), 'checkpoint'), { recursive: true, force: true });
      }
      throw error;
    }
  }

  async stop({ others = false }: { readonly others?: boolean } = {}): Promise<readonly JobStatus[]> {
    const { key, clock } = this.#options;
    const chosen = this.#keys().filter((one) => {
      const status = driverStatus(this.#folder(one));
      return (one === key) !== others && status !== null && isDriving(status, clock());
    });
    if (chosen.length === 0 && !others) throw fail('TILES_ABSENT', { where: 'on Spark' });
    for (const one of chosen) await endDriver(this.#folder(one), clock);
    return (await this.status()).filter((job) => chosen.includes(job.key));
  }

  async status(): Promise<readonly JobStatus[]> {
    const { key } = this.#options;
    const keys = [...this.#keys()].sort((a, b) => Number(b === key) - Number(a === key));
    return keys.flatMap((one) => this.#statusOf(one));
  }

  async watch(until: Promise<void>, tell: (line: string) => void): Promise<void> {
    let ending = false;
    void until.then(() => {
      ending = true;
    });
    while (!ending) {
      if (!this.#mustLive()) {
        const deployed = await this.deploy();
        tell(`job ${deployed.jobId} was started again, ${originText(deployed)}`);
      }
      await Promise.race([sleep(WATCH_MS), until]);
    }
  }

  /** Whether the declared job runs; one whose driver is gone can be started again. Errors: TILES_FAILED. */
  #mustLive(): boolean {
    const { job, clock } = this.#options;
    const status = driverStatus(this.#folder());
    if (status === null) return false;
    if (isDriving(status, clock())) return true;
    if (status.state === 'RUNNING' || status.state === 'STARTING') return false;
    const cause = driverError(status, job);
    const reason = status.state === 'STOPPED' ? 'it was ended by hand' : cause.message;
    throw fail('TILES_FAILED', { job: status.application, state: status.state, reason }, cause);
  }

  #statusOf(key: string): readonly JobStatus[] {
    const folder = this.#folder(key);
    const status = driverStatus(folder);
    if (status === null) return [];
    const lost =
      (status.state === 'RUNNING' || status.state === 'STARTING') && !isDriving(status, this.#options.clock());
    return [
      {
        key,
        declared: key === this.#options.key,
        jobId: status.application,
        state: lost ? 'LOST' : status.state,
        checkpoint: checkpointIn(folder),
        failures: status.failures.map(({ at, name, cause }) => ({
          at,
          task: name === '' ? null : name,
          reason: cause,
        })),
      },
    ];
  }

  #checkAge({ path, at }: RestorePoint): void {
    const ageMs = this.#options.clock() - at;
    if (ageMs > STATE_SLACK_MS) throw fail('TILES_STATE_OLD', { path, hours: Math.round(ageMs / 3_600_000) });
  }

  #folder(key = this.#options.key): string {
    return join(this.#options.directory, key);
  }

  #keys(): readonly string[] {
    const { directory } = this.#options;
    return existsSync(directory) ? readdirSync(directory).filter((name) => /^[0-9a-f]{8}$/.test(name)) : [];
  }
}

/** The newest batch of any query that was done; null before the first. */
function checkpointIn(folder: string): RestorePoint | null {
  const path = join(folder, 'checkpoint');
  const times = (existsSync(path) ? readdirSync(path) : []).flatMap((query) => {
    const commits = join(path, query, 'commits');
    return existsSync(commits) ? readdirSync(commits).map((name) => statSync(join(commits, name)).mtimeMs) : [];
  });
  return times.length === 0 ? null : { path, at: Math.max(...times) };
}

/** Kills all drivers of a directory that run on this machine, as a failure does. */
export async function killDrivers(directory: string): Promise<void> {
  for (const name of readdirSync(directory)) await killDriver(join(directory, name));
}

/** Ends all drivers of a directory, for good. */
export async function endDrivers(directory: string, clock: Clock): Promise<void> {
  for (const name of existsSync(directory) ? readdirSync(directory) : []) {
    const folder = join(directory, name);
    killStarting(folder);
    const status = driverStatus(folder);
    if (status !== null && isDriving(status, clock())) await endDriver(folder, clock);
  }
}
