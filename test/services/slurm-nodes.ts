import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { runCommand } from '../../scripts/run-command.ts';
import { until } from '../until.ts';
import { addressOf } from './addresses.ts';

const run = dirname(addressOf('SLURM_CONF')[0] ?? '');
const sbin = resolve(addressOf('SLURM_PATH')[0] ?? '', '../sbin');

/**
 * Takes a node of the cluster away. `down`: an administrator sets it so, and its daemon runs on. `killed`: its daemon dies with all of
 * its processes, and the controller of the cluster notices by itself.
 */
export async function takeNode(node: string, fault: 'down' | 'killed') {
  if (fault === 'down') await must('scontrol', ['update', `nodename=${node}`, 'state=down', 'reason=fault']);
  else {
    kill(daemonOf(node));
    for (const pid of processesOf(node)) kill(pid);
  }
  return {
    /** Another call does nothing. */
    async bringBack(): Promise<void> {
      const state = await stateOf(node);
      if (/^(idle|mix|alloc)/.test(state) && !state.endsWith('*')) return;
      if (fault === 'killed') await must(join(sbin, 'slurmd-wlm'), ['-N', node, '-d', join(sbin, 'slurmstepd-wlm')]);
      await runCommand('scontrol', ['update', `nodename=${node}`, 'state=resume']);
      await until(async () => /^(idle|mix|alloc)/.test(await stateOf(node)));
    },
  };
}

async function stateOf(node: string): Promise<string> {
  return (await runCommand('sinfo', ['--noheader', '--Node', `--nodes=${node}`, '--format=%t'])).stdout.trim();
}

async function must(program: string, args: readonly string[]): Promise<void> {
  const { code, output } = await runCommand(program, args);
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${output}`);
}

function daemonOf(node: string): number {
  return Number(readFileSync(join(run, node, 'slurmd.pid'), 'utf8'));
}

/** Processes of jobs on a node of this cluster, and the daemons of their steps. */
function processesOf(node: string): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const own = pids.filter((pid) => {
    const variables = read(`/proc/${pid}/environ`).split('\0');
    return (
      variables.includes(`SLURMD_NODENAME=${node}`) && variables.some((one) => one === `SLURM_CONF=${run}/slurm.conf`)
    );
  });
  const parents = own.map((pid) => /^PPid:\t(\d+)$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? '');
  const steps = parents.filter((pid) => read(`/proc/${pid}/cmdline`).startsWith('slurmstepd'));
  return [...new Set([...steps, ...own])].map(Number);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
