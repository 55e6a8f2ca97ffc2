import { controllerWords, type Exported, type ExportJob, policyWarnings, shellLine } from './export-job.ts';

/**
 * A batch script of Slurm. The job is requeued when it is preempted. The batch shell gets SIGTERM before the end of its time and
 * passes it to the controller, which saves; logs are appended over requeues.
 */
export function exportSlurm(job: ExportJob): Exported {
  const { name, gpus, cpus, memoryGib, hours, graceSeconds, partition, array, directory } = job;
  const seconds = Math.ceil(hours * 3600);
  const time = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const folder = array === undefined ? directory : `${directory}/$SLURM_ARRAY_TASK_ID`;
  const words = controllerWords(job).map((word) => (word === directory ? '"$folder"' : shellLine([word])));
  const lines = [
    '#!/bin/bash',
    `#SBATCH --job-name=${name}`,
    '#SBATCH --nodes=1',
    '#SBATCH --ntasks=1',
    `#SBATCH --cpus-per-task=${cpus}`,
    `#SBATCH --mem=${memoryGib}G`,
    ...(gpus > 0 ? [`#SBATCH --gres=gpu:${gpus}`] : []),
    `#SBATCH --time=${time.map((part) => String(part).padStart(2, '0')).join(':')}`,
    '#SBATCH --requeue',
    '#SBATCH --open-mode=append',
    `#SBATCH --output=${name}-%j.log`,
    `#SBATCH --signal=B:TERM@${graceSeconds + 30}`,
    ...(partition === undefined ? [] : [`#SBATCH --partition=${partition}`]),
    ...(array === undefined ? [] : [`#SBATCH --array=0-${array - 1}`]),
    '',
    `folder=${array === undefined ? shellLine([folder]) : `${shellLine([directory])}/$SLURM_ARRAY_TASK_ID`}`,
    'mkdir -p "$folder"',
    `${words.join(' ')} &`,
    'controller=$!',
    'stopped=no',
    `trap 'stopped=yes; kill -TERM $controller' TERM`,
    'wait $controller; code=$?',
    '# wait returns early when a signal comes: the controller still saves.',
    'while kill -0 $controller 2>/dev/null; do wait $controller; code=$?; done',
    'if [ $stopped = yes ]; then scontrol requeue "$SLURM_JOB_ID"; fi',
    'exit $code',
    '',
  ];
  return {
    file: `${name}.sbatch`,
    text: lines.join('\n'),
    submit: `sbatch ${name}.sbatch`,
    warnings: policyWarnings(job, 'Slurm'),
  };
}
