import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { readNumbers } from '../backends/embedded/parquet/read-numbers.ts';
import { isHeadraceError } from '../base/errors/fail.ts';
import { printable } from '../base/printable.ts';
import { readJob } from '../training/job/parse-job.ts';
import { runEmbedded } from '../training/run-embedded.ts';
import { ProgramRun } from '../training/runner/program-run.ts';

/** The exit code of a rank that saved and ended because it was asked to. */
const LEFT = 143;

/**
 * Trains the job of a file by its embedded trainer, as a rank of a run if this process is one. Its files go next to the job; those of
 * a run into its folder. Sets the exit code, and prints the error of a job that fails.
 */
export async function trainJobFile(path: string, say: (line: string) => void = console.log): Promise<void> {
  try {
    const run = ProgramRun.open();
    const job = readJob(path);
    const started = performance.now();
    const { singles: columns, doubles } = await readNumbers(job.trainingSet, {
      singles: job.features,
      doubles: ['_label'],
    });
    const [labels] = doubles;
    const took = () => Math.round(performance.now() - started);
    say(`read ${labels.length} rows of ${job.features.length} features in ${took()} ms`);
    const ended = await runEmbedded({
      job,
      frame: { names: job.features, columns, labels },
      set: run === null ? '' : await fileDigest(job.trainingSet),
      directory: process.env['HEADRACE_RUN_FOLDER'] ?? dirname(resolve(path)),
      run,
    });
    if (!ended) {
      process.exitCode = LEFT;
      return say('left after a checkpoint');
    }
    say(`trained in ${took()} ms`);
    say(`peak memory ${Math.round(peakMemoryKb() / 1024)} MB`);
  } catch (error) {
    console.error(printable(isHeadraceError(error) ? `${error.code}: ${error.message}` : String(error)));
    process.exitCode = 1;
  }
}

async function fileDigest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const bytes of createReadStream(path)) hash.update(bytes);
  return hash.digest('hex');
}

/** The peak of this process alone: `resourceUsage` includes the one that it was forked from, where Linux tells. */
function peakMemoryKb(): number {
  try {
    const own = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
    if (own !== null) return Number(own[1]);
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS;
}
