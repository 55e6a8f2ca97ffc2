import { fail } from '../../base/errors/fail.ts';
import { controllerWords, type Exported, type ExportJob, policyWarnings } from './export-job.ts';
import { yamlText } from './yaml-text.ts';

/** Exit codes of the controller after which another pod would fail as well: bad input, a fault, a failed run. */
const FINAL_CODES = [1, 2, 3, 4];

/** The Job of a job as the API takes it. Error: EXPORT_JOB. */
export function kubernetesJob(job: ExportJob) {
  const { name, gpus, cpus, memoryGib, hours, graceSeconds, image, claim, queue, directory } = job;
  if (image === undefined) throw fail('EXPORT_JOB', { member: 'image', reason: 'Kubernetes runs images' });
  if (claim === undefined) throw fail('EXPORT_JOB', { member: 'claim', reason: 'checkpoints must outlive a pod' });
  const resources = {
    cpu: String(cpus),
    memory: `${memoryGib}Gi`,
    ...(gpus > 0 ? { 'nvidia.com/gpu': String(gpus) } : {}),
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, ...(queue === undefined ? {} : { labels: { 'kueue.x-k8s.io/queue-name': queue } }) },
    spec: {
      completions: 1,
      parallelism: 1,
      completionMode: 'Indexed',
      backoffLimit: 6,
      ...(queue === undefined ? {} : { suspend: true }),
      podFailurePolicy: {
        rules: [
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
          { action: 'FailJob', onExitCodes: { containerName: 'train', operator: 'In', values: FINAL_CODES } },
        ],
      },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          restartPolicy: 'Never',
          activeDeadlineSeconds: Math.ceil(hours * 3600),
          terminationGracePeriodSeconds: graceSeconds + 30,
          containers: [
            {
              name: 'train',
              image,
              command: [...controllerWords(job)],
              resources: { requests: resources, limits: resources },
              volumeMounts: [{ name: 'run', mountPath: directory }],
            },
          ],
          volumes: [{ name: 'run', persistentVolumeClaim: { claimName: claim } }],
        },
      },
    },
  };
}

/** A Job of Kubernetes. A disrupted pod is replaced and counts against no limit; an error of the program fails the job. Error: EXPORT_JOB. */
export function exportKubernetes(job: ExportJob): Exported {
  const { name, spot } = job;
  const text = yamlText(kubernetesJob(job));
  const warnings = [
    ...policyWarnings(job, 'Kubernetes'),
    ...(spot
      ? ['spot nodes are chosen by labels and taints of your cluster: add a nodeSelector and a toleration']
      : []),
  ];
  return { file: `${name}.job.yaml`, text, submit: `kubectl apply -f ${name}.job.yaml`, warnings };
}
