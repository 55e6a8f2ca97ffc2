/** Resources and ways of the jobs of a cluster. */
export interface SlurmResources {
  /** Machines of a gang; its ranks are spread over them evenly. */
  readonly nodes: number;
  /** Of each rank. */
  readonly cpus: number;
  /** Of each machine. */
  readonly memoryGib: number;
  readonly gpusPerNode: number;
  readonly partition: string | undefined;
  /** The most seconds of one start. */
  readonly seconds: number;
  /** Seconds from SIGTERM to the end of the time. */
  readonly graceSeconds: number;
  /** Whether Slurm starts the job again after a preemption: its program resumes by itself. */
  readonly requeue: boolean;
}

export interface SlurmScript {
  /** Name of the job: the id of the gang. */
  readonly id: string;
  readonly ranks: number;
  readonly command: readonly [string, ...string[]];
  readonly directory: string;
  /** Folder of the gang: scripts, logs and exit codes of its ranks. */
  readonly folder: string;
}

/** Words as a POSIX shell reads them back. */
function shellWords(words: readonly string[]): string {
  return words
    .map((word) => (/^[A-Za-z0-9_./:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}

/**
 * The batch script of a gang: `srun` starts its ranks together, and ends all when one fails or its node is gone. Before the end of
 * its time, and when it is preempted, the ranks get SIGTERM. Rank 0's machine is the rendezvous.
 */
export function slurmScript({ id, ranks, directory, folder }: SlurmScript, resources: SlurmResources): string {
  const { nodes, cpus, memoryGib, gpusPerNode, partition, seconds, graceSeconds, requeue } = resources;
  const time = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return [
    '#!/bin/bash',
    `#SBATCH --job-name=${id}`,
    `#SBATCH --nodes=${nodes}`,
    `#SBATCH --ntasks=${ranks}`,
    `#SBATCH --cpus-per-task=${cpus}`,
    `#SBATCH --mem=${memoryGib}G`,
    ...(gpusPerNode > 0 ? [`#SBATCH --gres=gpu:${gpusPerNode}`] : []),
    ...(partition === undefined ? [] : [`#SBATCH --partition=${partition}`]),
    `#SBATCH --time=${time.map((part) => String(part).padStart(2, '0')).join(':')}`,
    `#SBATCH --signal=TERM@${graceSeconds}`,
    requeue ? '#SBATCH --requeue' : '#SBATCH --no-requeue',
    '#SBATCH --open-mode=append',
    `#SBATCH --output=${folder}/job.log`,
    '',
    `cd ${shellWords([directory])} || exit 1`,
    'export MASTER_ADDR="$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)"',
    // Ports below those that systems give to outgoing connections; two jobs of a machine get different ones.
    'export MASTER_PORT=$((20000 + SLURM_JOB_ID % 10000))',
    // The batch shell waits for the ranks when it is asked to end.
    "trap '' TERM",
    `rm -f ${shellWords([folder])}/rank-*.exit`,
    `srun --kill-on-bad-exit=1 --wait=${graceSeconds} /bin/sh ${shellWords([`${folder}/rank.sh`])} &`,
    'ranks=$!',
    ...waitFor('$ranks'),
    'exit $code',
    '',
  ].join('\n');
}

/** The script of each rank: its own variables, its log, its exit code. */
export function rankScript({ command, folder }: Pick<SlurmScript, 'command' | 'folder'>): string {
  const path = shellWords([folder]);
  return [
    `set -a; . ${path}/rank-$SLURM_PROCID.env; LOCAL_RANK=$SLURM_LOCALID; set +a`,
    // The program gets the signals; the shell stays to note how it ended.
    `${shellWords(command)} >> ${path}/rank-$SLURM_PROCID.log 2>&1 &`,
    'program=$!',
    "trap 'kill -TERM $program 2>/dev/null' TERM",
    ...waitFor('$program'),
    `echo $code > ${path}/rank-$SLURM_PROCID.new && mv ${path}/rank-$SLURM_PROCID.new ${path}/rank-$SLURM_PROCID.exit`,
    'exit $code',
    '',
  ].join('\n');
}

/** Waits for a process over signals; its exit code is in `code`. A shell that has reaped it still knows the code once. */
function waitFor(process: string): readonly string[] {
  return [
    `wait ${process}; code=$?`,
    `while kill -0 ${process} 2>/dev/null; do wait ${process}; code=$?; done`,
    `wait ${process} 2>/dev/null; last=$?; if [ $last -ne 127 ]; then code=$last; fi`,
  ];
}

/** Variables of a rank as a shell reads them. */
export function rankVariables(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `${name}='${value.replaceAll("'", "'\\''")}'\n`)
    .join('');
}
