import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { readNumbers } from '../backends/embedded/parquet/read-numbers.ts';
import { isHeadraceError } from '../base/errors/fail.ts';
import { runEmbeddedTrainer } from '../training/embedded-trainer.ts';
import type { TrainingJob } from '../training/job/training-job.ts';

/** The peak of this process alone: what `resourceUsage` says includes the one that it was forked from, where Linux tells. */
function peakMemoryKb(): number {
  try {
    const own = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
    if (own !== null) return Number(own[1]);
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS;
}

// The process of an embedded trainer: reads the job that HEADRACE_JOB names, trains, leaves the result next to it.
const path = process.env['HEADRACE_JOB'] ?? 'job.json';
const job = JSON.parse(readFileSync(path, 'utf8')) as TrainingJob;
try {
  const started = performance.now();
  const columns = await readNumbers(job.trainingSet, [...job.features, '_label']);
  const labels = Float64Array.from(columns.at(-1) ?? []);
  console.log(
    `read ${labels.length} rows of ${job.features.length} features in ${Math.round(performance.now() - started)} ms`,
  );
  runEmbeddedTrainer(job, { names: job.features, columns: columns.slice(0, -1), labels }, dirname(path));
  console.log(`trained in ${Math.round(performance.now() - started)} ms`);
  console.log(`peak memory ${Math.round(peakMemoryKb() / 1024)} MB`);
} catch (error) {
  console.error(isHeadraceError(error) ? `${error.code}: ${error.message}` : String(error));
  process.exitCode = 1;
}
