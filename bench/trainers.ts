import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { zipf } from '../examples/personalisation/zipf.ts';
import { seededRandom } from '../src/base/rng.ts';
import { resolveEnvironment } from '../src/environment/config.ts';
import { trainingRuns } from '../src/site/back-ends/training-systems.ts';
import { frameOf, jobCommand, writeEmbeddedJob } from '../test/training/embedded-program.ts';
import { scratchDirectory } from './shop.ts';

/** Trainers next to a service of which a bench measures the p99. */

type Training = NonNullable<Parameters<typeof resolveEnvironment>[1]['training']>;

/** Trainers that run. */
export interface RunningTrainers {
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

/** A job of gradient boosting that outlasts a round of a bench, and what starts one for each core. */
export async function trainers(rows: number): Promise<(training: Training) => Promise<RunningTrainers>> {
  const folder = scratchDirectory();
  mkdirSync(folder, { recursive: true });
  const job = { kind: 'boostedTrees', trees: 10_000, seed: 1 } as const;
  const command = jobCommand(await writeEmbeddedJob(folder, frameOf(1, rows), job));
  let round = 0;
  return async (training) => {
    const open = trainingRuns(resolveEnvironment('bench', { training }, 'bench'));
    round += 1;
    const runs = Array.from({ length: availableParallelism() }, async (_, core) => {
      const own = join(folder, `${round}-${core}`);
      mkdirSync(own, { recursive: true });
      const trains = Promise.withResolvers<void>();
      const run = open(own, { onLine: (line) => line.startsWith('read ') && trains.resolve() });
      await run.backend.submit({ id: 'trainer', command, directory: own, ranks: [{}] });
      await trains.promise;
      return run;
    });
    const started = await Promise.all(runs);
    return {
      pids: processesOf(folder),
      stop: async () => {
        for (const run of started) await run.close();
      },
    };
  };
}

/** Processes whose command line names a folder. */
function processesOf(folder: string): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      return words.includes(folder) && !words.startsWith('cat') ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

/** How Linux schedules a process: its policy, its nice value, that of its session, and its threads. */
export function schedulingOf(pid: number): string {
  // The fields after the name of the program (proc_pid_stat(5)); the first of them is the third.
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  const [nice = '', threads = '', policy = ''] = [stat[16], stat[17], stat[38]];
  const name = ['SCHED_OTHER', 'SCHED_FIFO', 'SCHED_RR', 'SCHED_BATCH', '', 'SCHED_IDLE'][Number(policy)] ?? policy;
  return `pid ${pid}: ${name}, nice ${nice}${sessionOf(pid)}, ${threads} threads`;
}

function sessionOf(pid: number): string {
  try {
    return `, session${readFileSync(`/proc/${pid}/autogroup`, 'utf8')
      .trim()
      .replace(/^.* nice/, ' nice')}`;
  } catch {
    return '';
  }
}

/** Bodies of requests for shoppers, of whom a few ask often. */
export function shopperBodies(keys: number, count: number, now: number): string[] {
  const rank = zipf(keys, seededRandom(3));
  return Array.from({ length: count }, (_, i) =>
    JSON.stringify({ request: { user: `u${rank()}`, at: now, basket: i % 100 } }),
  );
}
