import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import type { ScoredFiles, ScoreEngine, ScoreJob } from '../../ports/score-engine.ts';
import { ConnectRunner } from './connect/connect-runner.ts';
import type { ConnectOptions } from './connect/link.ts';
import { checked, newRun, removeDead } from './history-engine.ts';
import { scoreRunner } from './installation.ts';
import type { JobRunner, WrittenFile } from './job.ts';
import { SparkApplication } from './session.ts';
import type { SparkOptions } from './submit.ts';

/** A runner of one job, which can be ended within it. */
interface EndedRunner extends JobRunner {
  kill(): unknown;
}

/**
 * Scores rows by Spark, with ONNX Runtime's Java library in the executors: an application for each job. It writes to
 * `<directory>/run=<process>-<number>`, which all machines of the cluster reach under the same path.
 */
export function sparkScoreEngine(options: SparkOptions, jars: readonly string[], directory: string): ScoreEngine {
  const program = scoreRunner;
  return scoreEngine(directory, (onProgress) =>
    SparkApplication.start({ ...options, jars, program }, directory, onProgress),
  );
}

/** Scores rows on a Connect server, with the wheel of ONNX Runtime in the executors' Python of version `python`, as `3.12`. */
export function connectScoreEngine(options: ConnectOptions, python: string, directory: string): ScoreEngine {
  return scoreEngine(directory, async (onProgress) => {
    const runner = await ConnectRunner.start({ ...options, python }, onProgress);
    // The run fails by it, and the end of the runner is waited for by `close`.
    const kill = () => runner.close().catch(() => undefined);
    return { run: (job) => runner.run(job), close: () => runner.close(), kill };
  });
}

function scoreEngine(
  directory: string,
  start: (onProgress: (text: string) => void) => Promise<EndedRunner>,
): ScoreEngine {
  return {
    async score(job, onProgress, signal) {
      mkdirSync(directory, { recursive: true });
      removeDead(directory);
      const runner = await start(onProgress);
      const kill = () => runner.kill();
      signal?.addEventListener('abort', kill, { once: true });
      if (signal?.aborted === true) kill();
      try {
        return await scoredFiles(runner, job, directory);
      } finally {
        signal?.removeEventListener('abort', kill);
        await runner.close();
      }
    },
  };
}

/** Runs a job and takes its files. Errors: SPARK_*, MODEL_PARITY, PREDICT_COLUMN, PREDICT_TYPE. */
async function scoredFiles(runner: JobRunner, job: ScoreJob, directory: string): Promise<ScoredFiles> {
  const folder = newRun(directory);
  const path = join(folder, 'scores');
  const drop = () => rmSync(folder, { recursive: true, force: true });
  try {
    const written = await runner.run({ tables: [], outputs: [], scores: { ...job, path } });
    rmSync(join(path, 'scored'), { recursive: true, force: true });
    const rows = new Map<number, string[]>();
    for (const file of written.get('rows') ?? []) {
      const partition = partitionOf(file);
      rows.set(partition, [...(rows.get(partition) ?? []), await checked(join(path, 'rows', file.path), file)]);
    }
    const rejected: string[] = [];
    for (const file of written.get('rejected') ?? [])
      rejected.push(await checked(join(path, 'rejected', file.path), file));
    return { rows, rejected, drop };
  } catch (error) {
    drop();
    throw executorError(error, job) ?? error;
  }
}

/** Begins the scores of a parity row in the error of a task: the found and the expected one. */
const PARITY = 'HEADRACE_PARITY ';

/** Begin the reasons why the Python of an executor cannot score. */
const PYTHON = ['HEADRACE_PACKAGE ', '[PYTHON_VERSION_MISMATCH] ', 'ModuleNotFoundError: '];

/** The error of an executor, in the messages of an error and its causes; null: of Spark itself. */
function executorError(error: unknown, { modelName: model, version }: ScoreJob): Error | null {
  const texts: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) texts.push(at.message);
  const text = texts.join('\n');
  const parity = lineAfter(text, PARITY);
  if (parity !== null) {
    const [found, expected] = parity.split(' ').map(Number.parseFloat);
    return fail('MODEL_PARITY', { model, version, found, expected }, error);
  }
  for (const mark of PYTHON) {
    const reason = lineAfter(text, mark);
    if (reason !== null) return fail('SPARK_PYTHON', { reason }, error);
  }
  return null;
}

/** The rest of the line after a mark; null: it is not there. */
function lineAfter(text: string, mark: string): string | null {
  const at = text.indexOf(mark);
  return at === -1 ? null : (text.slice(at + mark.length).split('\n', 1)[0] ?? '').slice(0, 300);
}

function partitionOf({ path }: WrittenFile): number {
  return Number(/^slice_=(\d+)\//.exec(path)?.[1] ?? Number.NaN);
}
