import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ScoredFiles, ScoreEngine, ScoreJob } from '../../ports/score-engine.ts';
import { checked, newRun, removeDead } from './history-engine.ts';
import { scoreRunner } from './installation.ts';
import type { WrittenFile } from './job.ts';
import { SparkApplication } from './session.ts';
import type { SparkOptions } from './submit.ts';

/**
 * Scores rows by Spark, with ONNX Runtime's Java library in the executors: an application for each job. It writes to
 * `<directory>/run=<process>-<number>`, which all machines of the cluster reach under the same path.
 */
export function sparkScoreEngine(options: SparkOptions, jars: readonly string[], directory: string): ScoreEngine {
  return {
    async score(job, onProgress, signal) {
      mkdirSync(directory, { recursive: true });
      removeDead(directory);
      const application = await SparkApplication.start(
        { ...options, jars, program: scoreRunner },
        directory,
        onProgress,
      );
      const kill = () => application.kill();
      signal?.addEventListener('abort', kill, { once: true });
      if (signal?.aborted === true) kill();
      try {
        return await scored(application, job, directory);
      } finally {
        signal?.removeEventListener('abort', kill);
        await application.close();
      }
    },
  };
}

async function scored(application: SparkApplication, job: ScoreJob, directory: string): Promise<ScoredFiles> {
  const folder = newRun(directory);
  const path = join(folder, 'scores');
  const drop = () => rmSync(folder, { recursive: true, force: true });
  try {
    const written = await application.run({ tables: [], outputs: [], scores: { ...job, path } });
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
    throw error;
  }
}

function partitionOf({ path }: WrittenFile): number {
  return Number(/^slice_=(\d+)\//.exec(path)?.[1] ?? Number.NaN);
}
