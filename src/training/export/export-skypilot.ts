import { controllerWords, type Exported, type ExportJob, policyWarnings, shellLine } from './export-job.ts';
import { yamlText } from './yaml-text.ts';

/** A managed job of SkyPilot 0.14. Its recovery starts the same command elsewhere; the controller inside resumes from the bucket. */
export function exportSkypilot(job: ExportJob): Exported {
  const { name, gpus, accelerator, cpus, memoryGib, spot, bucket, directory, maxHourlyUsd } = job;
  const text = yamlText({
    name,
    resources: {
      ...(gpus > 0 && accelerator !== undefined ? { accelerators: `${accelerator}:${gpus}` } : {}),
      cpus: `${cpus}+`,
      memory: `${memoryGib}+`,
      ...(maxHourlyUsd === undefined ? {} : { max_hourly_cost: maxHourlyUsd }),
      ...(spot ? { any_of: [{ use_spot: true }, { use_spot: false }] } : {}),
      job_recovery: { strategy: 'EAGER_NEXT_REGION', max_restarts_on_errors: 0 },
    },
    ...(bucket === undefined ? {} : { file_mounts: { [directory]: { source: bucket, mode: 'MOUNT_CACHED' } } }),
    setup: 'npm install -g headrace',
    run: shellLine(controllerWords(job)),
  });
  const warnings = [
    ...policyWarnings(job, 'SkyPilot'),
    ...(bucket === undefined ? ['without a bucket every recovery begins from the start'] : []),
    ...(gpus > 0 && accelerator === undefined ? ['GPUs need the name of an accelerator: the task asks for none'] : []),
  ];
  return { file: `${name}.sky.yaml`, text, submit: `sky jobs launch ${name}.sky.yaml`, warnings };
}
