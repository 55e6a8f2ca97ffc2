import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { GangSpec, GangState, RankState, TrainingBackend } from '../../ports/training-backend.ts';
import { outputOf } from '../../process/run-to-end.ts';
import { hasEnded, isTaken, parseSlurmJob, type SlurmJob } from './slurm-job.ts';
import { rankScript, rankVariables, type SlurmResources, slurmScript } from './slurm-script.ts';

export interface SlurmOptions {
  /** Folder of scripts, logs and exit codes, which every machine of the cluster sees. */
  readonly folder: string;
  readonly resources: SlurmResources;
  /** More variables that ranks get. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** An id is a folder and the name of a job. */
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$/;

/** Bytes of a log that a tail looks at. */
const TAIL_BYTES = 64 * 1024;

/** Between two looks at a job that is being cancelled, ms. */
const LOOK_MS = 200;

/**
 * Gangs as jobs of Slurm: one job holds all ranks or none, and `srun` starts them on its machines. Scripts, logs and exit codes are in
 * a folder that all machines see. A gang outlives the process that submitted it.
 */
export class SlurmTrainingBackend implements TrainingBackend {
  readonly kind = 'slurm';
  readonly outlivesSubmitter = true;
  readonly #options: SlurmOptions;

  constructor(options: SlurmOptions) {
    this.#options = options;
    mkdirSync(options.folder, { recursive: true });
  }

  async submit({ id, command, directory, ranks }: GangSpec): Promise<void> {
    if (!ID.test(id)) throw fail('RUN_SUBMIT', { gang: id, reason: 'Slurm takes letters, digits, ".", "_" and "-"' });
    if ((await this.#job(id)) !== null) return;
    const folder = join(this.#options.folder, id);
    mkdirSync(folder, { recursive: true });
    const script = { id, ranks: ranks.length, command, directory, folder };
    writeFileSync(join(folder, 'job.sbatch'), slurmScript(script, this.#options.resources));
    writeFileSync(join(folder, 'rank.sh'), rankScript(script));
    for (const [rank, own] of ranks.entries())
      writeFileSync(join(folder, `rank-${rank}.env`), rankVariables({ ...this.#options.environment, ...own }), {
        mode: 0o600,
      });
    try {
      const stdout = await client('sbatch', '--parsable', join(folder, 'job.sbatch'));
      writeFileSync(join(folder, 'job.id'), stdout.trim().split(';')[0] ?? '');
    } catch (error) {
      throw fail('RUN_SUBMIT', { gang: id, reason: firstLine(reasonOf(error)) }, error);
    }
  }

  async state(id: string): Promise<GangState> {
    const job = await this.#job(id);
    if (job === null) throw fail('RUN_GANG', { gang: id });
    const count = this.#ranks(id);
    const found = 'gone' in job ? null : await scontrol(job.id);
    return {
      ranks: Array.from({ length: count }, (_, rank) => this.#rank(id, rank, found)),
      preempted: found !== null && isTaken(found) && (hasEnded(found) || !this.#options.resources.requeue),
      oomKills: found?.state === 'OUT_OF_MEMORY' ? 1 : 0,
      detail: found === null ? 'the job is not known any longer' : detailOf(found),
    };
  }

  async signal(id: string, signal: 'SIGTERM' | 'SIGKILL' | 'SIGQUIT'): Promise<void> {
    const job = await this.#job(id);
    if (job === null) return;
    // The job itself stays to note exit codes; a job that waits has no process, so it is cancelled.
    const found = await scontrol(job.id);
    if (found === null || hasEnded(found)) return;
    const args = found.state === 'PENDING' ? [job.id] : [`--signal=${signal.slice(3)}`, job.id];
    await client('scancel', ...args).catch(() => undefined);
  }

  async tail(id: string, rank: number, lines: number): Promise<readonly string[]> {
    const folder = join(this.#options.folder, id);
    const own = lastLines(join(folder, `rank-${rank}.log`), lines);
    // Before a rank starts, the job says why it does not.
    return own.length > 0 ? own : lastLines(join(folder, 'job.log'), lines);
  }

  async cancel(id: string): Promise<void> {
    const job = await this.#job(id);
    if (job === null) return;
    for (;;) {
      const found = await scontrol(job.id);
      if (found === null || hasEnded(found)) return;
      await client('scancel', job.id).catch(() => undefined);
      await pause(LOOK_MS);
    }
  }

  async close(): Promise<void> {}

  /** The job of a gang: from its record, or by its name where a submission was cut before the record. */
  async #job(id: string): Promise<{ readonly id: string } | null> {
    const folder = join(this.#options.folder, id);
    if (existsSync(join(folder, 'job.id'))) return { id: readFileSync(join(folder, 'job.id'), 'utf8') };
    if (!existsSync(join(folder, 'job.sbatch'))) return null;
    const stdout = await client('squeue', '--noheader', '--states=all', `--name=${id}`, '--format=%A');
    const [found] = stdout.trim().split('\n');
    if (found === undefined || found === '') return null;
    writeFileSync(join(folder, 'job.id'), found);
    return { id: found };
  }

  #ranks(id: string): number {
    const script = readFileSync(join(this.#options.folder, id, 'job.sbatch'), 'utf8');
    return Number(/^#SBATCH --ntasks=(\d+)$/m.exec(script)?.[1] ?? 1);
  }

  #rank(id: string, rank: number, job: SlurmJob | null): RankState {
    const path = join(this.#options.folder, id, `rank-${rank}.exit`);
    // Until the job has ended nobody knows whether its ranks ended by themselves or were preempted.
    if (job !== null && !hasEnded(job)) return { state: 'running' };
    if (existsSync(path)) return ended(Number(readFileSync(path, 'utf8')));
    if (job === null) return { state: 'lost' };
    if (job.state === 'NODE_FAIL') return { state: 'lost' };
    return job.signal > 0 || job.state !== 'COMPLETED'
      ? { state: 'ended', code: null, signal: 'SIGKILL' }
      : ended(job.code);
  }
}

/** Runs a command of Slurm; gives its output. */
function client(...command: readonly string[]): Promise<string> {
  return outputOf(command, { env: clientVariables() });
}

/** A shell's exit code: above 128 it is a signal. */
function ended(code: number): RankState {
  const signal = { 137: 'SIGKILL', 131: 'SIGQUIT' }[code];
  return signal === undefined ? { state: 'ended', code, signal: null } : { state: 'ended', code: null, signal };
}

function detailOf({ job, state, reason, nodes, restarts }: SlurmJob): string {
  const where = state === 'RUNNING' ? ` on ${nodes}` : reason === 'None' ? '' : ` (${reason})`;
  return `job ${job} ${state.toLowerCase()}${where}${restarts > 0 ? `, ${restarts} requeues` : ''}`;
}

/** Null: Slurm does not know the job any longer. */
async function scontrol(job: string): Promise<SlurmJob | null> {
  try {
    return parseSlurmJob(await client('scontrol', 'show', 'job', job, '--oneliner'));
  } catch (error) {
    if (/Invalid job id/i.test(reasonOf(error))) return null;
    throw fail('RUN_UNREACHABLE', { gang: job, reason: firstLine(reasonOf(error)) }, error);
  }
}

/** Variables of this process that the commands of Slurm get, and with them the job. Others may hold secrets. */
const KNOWN = [
  'PATH',
  'HOME',
  'USER',
  'LANG',
  'LC_ALL',
  'TZ',
  'LD_LIBRARY_PATH',
  'PYTHONPATH',
  'VIRTUAL_ENV',
  'GLOO_SOCKET_IFNAME',
  'NCCL_SOCKET_IFNAME',
  'NCCL_IB_HCA',
  'NCCL_DEBUG',
  'FI_PROVIDER',
  'SLURM_CONF',
];

function clientVariables(): NodeJS.ProcessEnv {
  return Object.fromEntries(KNOWN.map((name) => [name, process.env[name]]));
}

function lastLines(path: string, lines: number): readonly string[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .slice(-TAIL_BYTES)
    .split('\n')
    .filter((line) => line !== '')
    .slice(-lines);
}

function firstLine(text: string): string {
  return text.split('\n').find((line) => line !== '' && !line.startsWith('Command failed')) ?? text;
}
