import { statSync } from 'node:fs';
import { STOPPED_EXIT } from '../../base/errors/exit-codes.ts';
import { installedFrom, ownVersion } from '../../environment/own-version.ts';
import {
  checkOneMachine,
  controllerWords,
  type Exported,
  type ExportJob,
  policyWarnings,
  shellLine,
} from './export-job.ts';
import { type Yaml, yamlText } from './yaml-text.ts';

/** Seconds between two lines of progress in the log of a job. */
const PROGRESS_SECONDS = 30;

/** Instances of a task: spot first and then on demand, or one of them. */
function spotOf({ spot }: ExportJob, placement: string | undefined): Readonly<Record<string, Yaml>> {
  if (placement === 'spot' || placement === 'on_demand') return { use_spot: placement === 'spot' };
  return spot ? { any_of: [{ use_spot: true }, { use_spot: false }] } : {};
}

/** Where a machine has the tarball of this package. */
const TARBALL = '/tmp/headrace.tgz';

/** How a machine gets this package: by the tarball that it was installed from itself, otherwise by its version. */
export function packageOf(own?: string): { readonly tarball: string | null; readonly setup: string } {
  const from = installedFrom(own);
  const tarball = from !== null && statSync(from, { throwIfNoEntry: false })?.isFile() === true ? from : null;
  return { tarball, setup: `npm install -g ${tarball === null ? `headrace@${ownVersion()}` : TARBALL}` };
}

/**
 * A managed job of SkyPilot 0.14. Its recovery starts the same command elsewhere; the controller inside resumes from the bucket, and
 * prints its progress. Error: EXPORT_JOB for several machines. `placement`: `spot` or `on_demand` where a policy outside has chosen.
 */
export function skypilotTask(job: ExportJob, placement?: string): string {
  checkOneMachine(job, 'SkyPilot');
  const { name, gpus, accelerator, cpus, memoryGib, bucket, directory, maxHourlyUsd } = job;
  const { tarball, setup } = packageOf();
  const mounts = {
    ...(bucket === undefined ? {} : { [directory]: { source: bucket, mode: 'MOUNT_CACHED' } }),
    ...(tarball === null ? {} : { [TARBALL]: tarball }),
  };
  return yamlText({
    name,
    resources: {
      ...(gpus > 0 && accelerator !== undefined ? { accelerators: `${accelerator}:${gpus}` } : {}),
      cpus: `${cpus}+`,
      memory: `${memoryGib}+`,
      ...(maxHourlyUsd === undefined ? {} : { max_hourly_cost: maxHourlyUsd }),
      ...spotOf(job, placement),
      job_recovery: { strategy: 'EAGER_NEXT_REGION', max_restarts_on_errors: 0, recover_on_exit_codes: [STOPPED_EXIT] },
    },
    ...(Object.keys(mounts).length === 0 ? {} : { file_mounts: mounts }),
    setup,
    run: shellLine(controllerWords(job, PROGRESS_SECONDS)),
  });
}

export function exportSkypilot(job: ExportJob): Exported {
  const { name, gpus, accelerator, bucket } = job;
  const warnings = [
    ...policyWarnings(job, 'SkyPilot'),
    ...(bucket === undefined ? ['without a bucket every recovery begins from the start'] : []),
    ...(gpus > 0 && accelerator === undefined ? ['GPUs need the name of an accelerator: the task asks for none'] : []),
  ];
  return { file: `${name}.sky.yaml`, text: skypilotTask(job), submit: `sky jobs launch ${name}.sky.yaml`, warnings };
}
