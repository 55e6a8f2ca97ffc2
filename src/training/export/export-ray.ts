import { controllerWords, type Exported, type ExportJob, policyWarnings, shellLine } from './export-job.ts';

/** The request of a job to Ray's job API. */
export function rayRequest(job: ExportJob) {
  const { name, gpus, cpus, memoryGib } = job;
  return {
    submission_id: name,
    entrypoint: shellLine(controllerWords(job)),
    entrypoint_num_cpus: cpus,
    entrypoint_num_gpus: gpus,
    entrypoint_memory: memoryGib * 1024 ** 3,
    metadata: { name },
    runtime_env: {},
  };
}

/** A request of Ray's job API. Ray does not restart the entry point: submit it again to resume. */
export function exportRay(job: ExportJob): Exported {
  const { name } = job;
  const request = rayRequest(job);
  const warnings = [
    ...policyWarnings(job, 'Ray'),
    'Ray starts the entry point once: after the loss of its node submit it again under another submission_id; it resumes',
  ];
  return {
    file: `${name}.ray.json`,
    text: `${JSON.stringify(request, null, 2)}\n`,
    submit: `POST ${name}.ray.json to /api/jobs/ of the head node`,
    warnings,
  };
}
