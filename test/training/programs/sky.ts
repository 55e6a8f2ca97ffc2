import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * `sky jobs` over a folder: a job is a process of this machine. It answers as SkyPilot 0.14.1 does: the members of its queue are those of
 * `ManagedJobRecord`, which the suite with the real package compares.
 */
const folder = process.env['SKYPILOT_SCRIPT_FOLDER'] ?? '';
const [, command = '', ...words] = process.argv.slice(2);

interface Job {
  readonly id: number;
  readonly name: string;
  readonly run: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly spot: boolean | null;
  /** Exit codes after which SkyPilot starts it again. */
  readonly recoverOn: readonly number[];
  pid: number;
  status: string | null;
  recoveries: number;
  failure: string | null;
}

const jobPath = (id: number) => join(folder, `job-${id}.json`);
const read = (id: number): Job => JSON.parse(readFileSync(jobPath(id), 'utf8'));
const ids = () =>
  readdirSync(folder)
    .flatMap((name) => /^job-(\d+)\.json$/.exec(name)?.[1] ?? [])
    .map(Number);

function write(job: Job): void {
  writeFileSync(`${jobPath(job.id)}.new`, JSON.stringify(job));
  renameSync(`${jobPath(job.id)}.new`, jobPath(job.id));
}

/** Starts the instances of a job; its exit code lands in a file. */
function start(job: Job): void {
  const log = openSync(join(folder, `job-${job.id}.log`), 'a');
  const exit = join(folder, `job-${job.id}.exit`);
  // A shell that waits outlives the signal that its program gets.
  const script = `trap : TERM; { ${job.run}\n} 2>&1; echo $? > ${exit}.new; mv ${exit}.new ${exit}`;
  const child = spawn('sh', ['-c', script], {
    env: { ...process.env, ...job.variables },
    detached: true,
    stdio: ['ignore', log, log],
  });
  child.unref();
  closeSync(log);
  write({ ...job, pid: child.pid ?? 0 });
}

function launch(): void {
  const text = readFileSync(String(words.at(-1)), 'utf8');
  const member = (name: string) => new RegExp(`^${name}: (".*")$`, 'm').exec(text)?.[1];
  const envs = /^envs:\n((?: {2}.*\n)*)/m.exec(text)?.[1] ?? '';
  const variables = [...envs.matchAll(/^ {2}(\S+): (".*")$/gm)].map(([, name, value]) => [
    name,
    JSON.parse(value ?? ''),
  ]);
  const spot = /use_spot: (true|false)/.exec(text)?.[1];
  const plan: { waits?: boolean; status?: string } = JSON.parse(readFileSync(join(folder, 'plan.json'), 'utf8'));
  const job: Job = {
    id: Math.max(0, ...ids()) + 1,
    name: words[words.indexOf('--name') + 1] ?? '',
    run: JSON.parse(member('run') ?? '""'),
    variables: Object.fromEntries(variables),
    spot: spot === undefined ? null : spot === 'true',
    recoverOn: [...(/^ +recover_on_exit_codes:\n((?: +- \d+\n)*)/m.exec(text)?.[1]?.matchAll(/\d+/g) ?? [])].map(
      Number,
    ),
    pid: 0,
    status: plan.status ?? (plan.waits === true && spot === 'true' ? 'STARTING' : null),
    recoveries: 0,
    failure: plan.status === undefined ? null : `the script said ${plan.status}`,
  };
  write(job);
  if (job.status === null) start(job);
  console.log(`Managed Job ID: ${job.id}`);
}

function statusOf(job: Job): string {
  const exit = join(folder, `job-${job.id}.exit`);
  if (job.status !== null) return job.status;
  if (!existsSync(exit)) return 'RUNNING';
  return Number(readFileSync(exit, 'utf8')) === 0 ? 'SUCCEEDED' : 'FAILED';
}

/** Starts a job again that ended with a code to recover from. */
function recover(job: Job): void {
  const exit = join(folder, `job-${job.id}.exit`);
  if (!existsSync(exit) || !job.recoverOn.includes(Number(readFileSync(exit, 'utf8')))) return;
  rmSync(exit);
  start({ ...job, recoveries: job.recoveries + 1 });
}

function queue(): void {
  for (const id of ids()) recover(read(id));
  const record = JSON.parse(readFileSync(new URL('sky-record.json', import.meta.url), 'utf8'));
  const records = ids().map((id) => {
    const job = read(id);
    return {
      ...record,
      job_id: id,
      task_id: 0,
      job_name: job.name,
      task_name: job.name,
      status: statusOf(job),
      job_duration: 60,
      recovery_count: job.recoveries,
      resources: job.spot === true ? '1x[CPU:1+][spot]' : '1x[CPU:1+]',
      failure_reason: job.failure,
    };
  });
  console.log(JSON.stringify(records, null, 2));
}

function logs(): void {
  const id = Number(words.at(-1));
  const job = read(id);
  const path = join(folder, `job-${id}.log`);
  const tail = Number(words[words.indexOf('--tail') + 1]);
  const own = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
  const status = statusOf(job);
  const code = status === 'FAILED' ? readFileSync(join(folder, `job-${id}.exit`), 'utf8').trim() : '';
  const all = [
    '├── Waiting for task resources on 1 node.',
    '└── Job started. Streaming logs... (Ctrl-C to exit log streaming; job will not be killed)',
    ...own.map((line) => `\u001b[36m(${job.name}, pid=${job.pid})\u001b[0m ${line}`),
    ...(status === 'SUCCEEDED' ? ['\u001b[32m✓ Job finished (status: SUCCEEDED).\u001b[0m'] : []),
    ...(status === 'FAILED' ? [`ERROR: \u001b[31mJob 1 failed with return code list:\u001b[0m [${code}] `] : []),
  ];
  console.log(all.slice(-tail).join('\n'));
  process.exitCode = status === 'SUCCEEDED' ? 0 : status.startsWith('FAILED') ? 100 : 101;
}

function cancel(): void {
  const job = read(Number(words.at(-1)));
  if (['SUCCEEDED', 'FAILED'].includes(statusOf(job))) return;
  if (job.pid > 0)
    try {
      process.kill(-job.pid, 'SIGKILL');
    } catch {
      // Its instances are gone.
    }
  write({ ...job, status: 'CANCELLED' });
}

const fault = existsSync(join(folder, 'fault')) ? readFileSync(join(folder, 'fault'), 'utf8') : '';
if (fault === 'down') {
  console.error('sky.exceptions.ClusterNotUpError: Cluster sky-jobs-controller-2ea485 is not up.');
  process.exit(1);
}
if (fault === 'text' && command === 'queue') {
  console.log('No in-progress managed jobs.');
  process.exit(0);
}
const commands: Readonly<Record<string, () => void>> = { launch, queue, logs, cancel };
commands[command]?.();
// The launch reached the server, and its answer does not come.
if (fault === 'late' && command === 'launch') setInterval(() => {}, 1_000);
