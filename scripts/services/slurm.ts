import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { runCommand } from '../run-command.ts';
import { must, once } from './binaries.ts';
import { cached, freePorts, readState, removeRunFolder, runFolder, type Service, writeState } from './service.ts';
import { versions } from './versions.ts';

const { version, debian } = versions.slurm;
const FOLDER = `slurm-${version}`;
const NODES = ['n1', 'n2'];

interface State {
  readonly run: string;
}

/**
 * Debian's Slurm with two nodes of this machine, unpacked and not installed: a partition `low` whose jobs are requeued or ended for
 * those of the partition `high`. It runs as the user who starts it.
 */
export const slurm: Service = {
  name: 'slurm',
  sets: ['SLURM_CONF', 'SLURM_PATH', 'SLURM_LIBRARIES'],
  async fetch() {
    await unpacked();
  },
  async up() {
    const root = await unpacked();
    const known = readState<State>('slurm');
    if (known !== null && (await answers(root, known))) return variablesOf(root, known);
    const state = { run: runFolder('slurm') };
    await start(root, state);
    writeState('slurm', state);
    return variablesOf(root, state);
  },
  async down() {
    const state = readState<State>('slurm');
    if (state !== null) for (const pid of pidsOf(state)) end(pid);
    removeRunFolder('slurm');
  },
  async status() {
    const state = readState<State>('slurm');
    const root = cached(FOLDER);
    return state !== null && existsSync(root) && (await answers(root, state)) ? variablesOf(root, state) : null;
  },
};

function libraries(root: string): string {
  const usr = join(root, 'usr/lib/x86_64-linux-gnu');
  return [usr, join(usr, 'slurm-wlm')].join(':');
}

function variablesOf(root: string, { run }: State): Readonly<Record<string, string>> {
  return {
    SLURM_CONF: join(run, 'slurm.conf'),
    SLURM_PATH: join(root, 'usr/bin'),
    SLURM_LIBRARIES: libraries(root),
  };
}

function unpacked(): Promise<string> {
  return once(FOLDER, async (into) => {
    const args = ['--simulate', '--no-install-recommends', 'install', ...debian];
    const { stdout } = await runCommand('apt-get', args, { cwd: into });
    const names = [...stdout.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] ?? '');
    if (names.length === 0) throw new Error(`apt-get knows no ${debian.join(' ')}`);
    await must('apt-get', ['download', ...names], into);
    for (const file of readdirSync(into).filter((name) => name.endsWith('.deb')))
      await must('dpkg-deb', ['-x', file, '.'], into);
  });
}

async function start(root: string, { run }: State): Promise<void> {
  for (const folder of ['munge', 'control', 'log', ...NODES]) mkdirSync(join(run, folder), { recursive: true });
  // munged refuses a folder that others can write.
  chmodSync(join(run, 'munge'), 0o700);
  writeFileSync(join(run, 'munge/key'), randomBytes(128), { mode: 0o600 });
  const ports = await freePorts(1 + NODES.length);
  writeFileSync(join(run, 'slurm.conf'), configuration(root, run, ports));
  const sbin = (name: string) => join(root, 'usr/sbin', name);
  const munge = ['key-file=key', 'socket=socket', 'pid-file=munged.pid', 'log-file=munged.log', 'seed-file=seed'];
  await daemon(root, run, sbin('munged'), [
    '--force',
    ...munge.map((word) => `--${word.replace('=', `=${join(run, 'munge')}/`)}`),
  ]);
  await daemon(root, run, sbin('slurmctld-wlm'), []);
  for (const node of NODES) await daemon(root, run, sbin('slurmd-wlm'), ['-N', node, '-d', sbin('slurmstepd-wlm')]);
  for (let tries = 0; !(await answers(root, { run })); tries++) {
    if (tries > 300) throw new Error(`Slurm does not answer: see ${join(run, 'log')}`);
    await pause(200);
  }
}

async function daemon(root: string, run: string, program: string, args: readonly string[]): Promise<void> {
  const { code, output } = await runCommand(program, args, { env: clientVariables(root, run) });
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${output}`);
}

function configuration(root: string, run: string, ports: readonly number[]): string {
  const [control, ...nodes] = ports;
  const { username } = userInfo();
  return [
    'ClusterName=headrace',
    `SlurmctldHost=${hostname()}(127.0.0.1)`,
    `SlurmctldPort=${control}`,
    `SlurmUser=${username}`,
    `SlurmdUser=${username}`,
    'AuthType=auth/munge',
    `AuthInfo=socket=${run}/munge/socket`,
    `StateSaveLocation=${run}/control`,
    `SlurmdSpoolDir=${run}/%n`,
    `SlurmctldPidFile=${run}/slurmctld.pid`,
    `SlurmdPidFile=${run}/%n/slurmd.pid`,
    `SlurmctldLogFile=${run}/log/slurmctld.log`,
    `SlurmdLogFile=${run}/log/%n.log`,
    `PluginDir=${join(root, 'usr/lib/x86_64-linux-gnu/slurm-wlm')}`,
    'ProctrackType=proctrack/linuxproc',
    'TaskPlugin=task/none',
    'SelectType=select/cons_tres',
    'SelectTypeParameters=CR_Core',
    'MpiDefault=none',
    'ReturnToService=2',
    'JobAcctGatherType=jobacct_gather/none',
    'AccountingStorageType=accounting_storage/none',
    'PreemptType=preempt/partition_prio',
    'PreemptMode=REQUEUE',
    'SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1',
    'KillWait=5',
    'SlurmdTimeout=10',
    'MinJobAge=3600',
    ...NODES.map((name, i) =>
      [
        `NodeName=${name} NodeHostname=${hostname()} NodeAddr=127.0.0.1`,
        `Port=${nodes[i]} CPUs=2 RealMemory=4000`,
      ].join(' '),
    ),
    `PartitionName=low Nodes=${NODES.join(',')} Default=YES PriorityTier=1 PreemptMode=REQUEUE State=UP`,
    `PartitionName=high Nodes=${NODES.join(',')} PriorityTier=10 PreemptMode=OFF State=UP`,
    '',
  ].join('\n');
}

function clientVariables(root: string, run: string): Readonly<Record<string, string>> {
  return { LD_LIBRARY_PATH: libraries(root), SLURM_CONF: join(run, 'slurm.conf') };
}

/** Whether every node is idle or works. */
async function answers(root: string, state: State): Promise<boolean> {
  const { code, stdout } = await runCommand(join(root, 'usr/bin/sinfo'), ['--noheader', '--Node', '--format=%N %t'], {
    env: clientVariables(root, state.run),
  });
  const ready = stdout.split('\n').filter((line) => /^n\d (idle|mix|alloc|comp)/.test(line));
  return code === 0 && new Set(ready.map((line) => line.split(' ')[0])).size === NODES.length;
}

function pidsOf({ run }: State): readonly number[] {
  const files = [
    ...NODES.map((node) => join(run, node, 'slurmd.pid')),
    join(run, 'slurmctld.pid'),
    join(run, 'munge/munged.pid'),
  ];
  return files.flatMap((file) => {
    try {
      return [Number(readFileSync(file, 'utf8'))];
    } catch {
      return [];
    }
  });
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // It has ended.
  }
}
