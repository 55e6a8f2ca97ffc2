import { reasonOf } from '../../base/reason-of.ts';
import { type JobStatus, originText } from '../../ports/tile-jobs.ts';
import { withTileJobs } from '../../site/tile-jobs.ts';
import { openTileWriter } from '../../site/tile-writing.ts';
import type { Call } from '../command.ts';
import { loadConfig } from '../open/load-config.ts';
import type { deployOptions, stopOptions } from '../options/loaded-options.ts';

/** Deploys the declared job; with `--watch`, looks after it until the call is asked to stop. Errors: TILES_*, FLINK_*, SPARK_*. */
export async function runDeploy(call: Call<typeof deployOptions>): Promise<void> {
  const { terminal, options, json } = call;
  const { project, environment } = await loadConfig(call);
  await withTileJobs(project, environment, 'change', async (jobs) => {
    const deployed = await jobs.deploy({ fresh: options.fresh });
    terminal.out(json ? JSON.stringify(deployed) : `job ${deployed.jobId} is running, ${originText(deployed)}`);
    if (options.watch) await jobs.watch(terminal.stopped, (line) => terminal.err(`headrace: ${line}`));
  });
}

/** Deploys the declared job next to those of earlier declarations, waits until it has read the log, and compares. Errors: TILES_*, FLINK_*, SPARK_*. */
export async function runUpgrade(call: Call): Promise<void> {
  const { terminal, json } = call;
  const { project, environment } = await loadConfig(call);
  await withTileJobs(project, environment, 'change', async (jobs) => {
    const deployed = await jobs.upgrade((behind) => terminal.err(`headrace: ${behind} events left`));
    if (json) return terminal.out(JSON.stringify(deployed));
    const { keys, tiles } = deployed.compared;
    terminal.out(`job ${deployed.jobId} has caught up, ${originText(deployed)}`);
    terminal.out(`${tiles} tiles of ${keys} keys equal those of the events`);
    terminal.out(
      'next: start the serving processes with this declaration, then stop the previous job: headrace tiles stop --others',
    );
  });
}

/** Ends the declared job, or those of earlier declarations, such that the next deploy resumes. Errors: TILES_*, FLINK_*, SPARK_*. */
export async function runStop(call: Call<typeof stopOptions>): Promise<void> {
  const { terminal, options, json } = call;
  const { project, environment } = await loadConfig(call);
  await withTileJobs(project, environment, 'change', async (jobs) => {
    const stopped = await jobs.stop({ others: options.others });
    if (json) return terminal.out(JSON.stringify(stopped));
    if (stopped.length === 0) terminal.out('no such job is running');
    for (const { jobId, checkpoint } of stopped)
      terminal.out(
        `job ${jobId} is stopped; the next deploy resumes from ${checkpoint?.path ?? 'the start of the log'}`,
      );
  });
}

/** Writes tiles to the shared store, one process of many, until the call is asked to stop. Errors: TILES_*, those of log and store. */
export async function runWrite(call: Call): Promise<void> {
  const { terminal, json } = call;
  const { project, environment } = await loadConfig(call);
  const written = await openTileWriter(project, environment, {
    onFault: (error) => terminal.err(`headrace: ${reasonOf(error)}`),
    onShares: (partitions, of) =>
      terminal.out(json ? JSON.stringify({ partitions, of }) : `writing ${partitions.length} of ${of} partitions`),
  });
  await terminal.stopped;
  await written.close();
}

/** Tells how every deployed job stands. Errors: TILES_*, FLINK_*, SPARK_*. */
export async function runStatus(call: Call): Promise<void> {
  const jobs = await statuses(call);
  if (call.json) return call.terminal.out(JSON.stringify(jobs));
  if (jobs.length === 0) call.terminal.out('no job is deployed; deploy one with headrace tiles deploy');
  for (const job of jobs) call.terminal.out(statusText(job));
}

/** Tells what went wrong in the jobs, oldest first. Errors: TILES_*, FLINK_*, SPARK_*. */
export async function runLogs(call: Call): Promise<void> {
  const failures = (await statuses(call)).flatMap(({ jobId, failures: found }) =>
    found.map((each) => ({ jobId, ...each })),
  );
  failures.sort((a, b) => a.at - b.at);
  if (call.json) return call.terminal.out(JSON.stringify(failures));
  if (failures.length === 0) call.terminal.out('no recorded failures');
  for (const { jobId, at, task, reason } of failures)
    call.terminal.out(`${new Date(at).toISOString()} job ${jobId}${task === null ? '' : `, ${task}`}: ${reason}`);
}

async function statuses(call: Call): Promise<readonly JobStatus[]> {
  const { project, environment } = await loadConfig(call);
  return withTileJobs(project, environment, 'look', (jobs) => jobs.status());
}

function statusText({ key, declared, jobId, state, checkpoint, failures }: JobStatus): string {
  const newest = checkpoint === null ? 'no checkpoint' : `${new Date(checkpoint.at).toISOString()} ${checkpoint.path}`;
  const [last] = failures;
  const failure = last === undefined ? '' : `; last failure ${new Date(last.at).toISOString()}: ${last.reason}`;
  return `${key}${declared ? '' : ' (another declaration)'}: job ${jobId} ${state}; ${newest}${failure}`;
}
