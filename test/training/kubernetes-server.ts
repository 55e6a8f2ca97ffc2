import { killStart, type Start, serveJson, startProgram } from './container-server.ts';

interface Container {
  readonly command: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
}

interface Manifest {
  metadata: { name: string; annotations?: Record<string, string> };
  spec: {
    suspend?: boolean;
    podFailurePolicy?: { rules: { action: string; onExitCodes?: { values: number[] } }[] };
    template: { spec: { containers: Container[] } };
  };
}

interface Pod {
  readonly name: string;
  readonly start: Start;
  readonly createdAt: string;
  disrupted: boolean;
}

interface Job {
  readonly manifest: Manifest;
  readonly pods: Pod[];
  failed: string | null;
}

/**
 * The Jobs of a Kubernetes API server, whose containers are processes of this machine. It answers in the forms of batch/v1 and v1;
 * `disrupt` takes the node of a job's pod away, and the Job replaces the pod as its `podFailurePolicy` says.
 */
export async function kubernetesServer() {
  const jobs = new Map<string, Job>();
  const server = await serveJson((method, url, body) => {
    const [, name, rest] = /\/jobs(?:\/([^/]+))?(\/.*)?$/.exec(url.pathname) ?? [];
    if (method === 'POST' && rest === undefined) return create(body as Manifest);
    const job = jobs.get(name ?? '');
    if (url.pathname.endsWith('/pods')) return [200, { items: podsOf(url.searchParams.get('labelSelector') ?? '') }];
    if (url.pathname.includes('/pods/')) return log(url);
    if (job === undefined) return [404, { kind: 'Status', message: `jobs.batch "${name}" not found` }];
    if (method === 'PATCH') patch(job, body as Partial<Manifest>);
    return [200, jobStatus(job)];
  });

  function create(manifest: Manifest): [number, unknown] {
    const { name } = manifest.metadata;
    if (jobs.has(name))
      return [409, { kind: 'Status', reason: 'AlreadyExists', message: `jobs.batch "${name}" exists` }];
    const job: Job = { manifest, pods: [], failed: null };
    jobs.set(name, job);
    if (manifest.spec.suspend !== true) addPod(job);
    return [201, jobStatus(job)];
  }

  function addPod(job: Job): void {
    const [container] = job.manifest.spec.template.spec.containers;
    const variables = Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]));
    const pod: Pod = {
      name: `${job.manifest.metadata.name}-0-${job.pods.length}`,
      start: startProgram(container?.command ?? [], variables, () => ended(job, pod)),
      createdAt: new Date(Date.UTC(2026, 0, 1) + job.pods.length * 1000).toISOString(),
      disrupted: false,
    };
    job.pods.push(pod);
  }

  function ended(job: Job, pod: Pod): void {
    if (pod.start.ended?.code === 0 || job.manifest.spec.suspend === true) return;
    if (pod.disrupted) return addPod(job);
    const final = job.manifest.spec.podFailurePolicy?.rules.find(({ action }) => action === 'FailJob');
    const code = pod.start.ended?.code ?? 137;
    if (final === undefined || final.onExitCodes?.values.includes(code) === true) job.failed = 'PodFailurePolicy';
    else addPod(job);
  }

  function patch(job: Job, change: Partial<Manifest>): void {
    job.manifest.metadata.annotations = { ...job.manifest.metadata.annotations, ...change.metadata?.annotations };
    if (change.spec?.suspend !== true) return;
    job.manifest.spec.suspend = true;
    for (const { start } of job.pods) killStart(start, 'SIGKILL');
  }

  function jobStatus({ manifest, pods, failed }: Job): unknown {
    const isComplete = pods.some(({ start }) => start.ended?.code === 0);
    const active = pods.filter(({ start }) => start.ended === null).length;
    const condition = isComplete ? 'Complete' : failed === null ? null : 'Failed';
    return {
      metadata: manifest.metadata,
      spec: { suspend: manifest.spec.suspend ?? false },
      status: {
        ...(active > 0 ? { active } : {}),
        ...(condition === null ? {} : { conditions: [{ type: condition, status: 'True', reason: failed ?? '' }] }),
      },
    };
  }

  function podsOf(selector: string): readonly unknown[] {
    return (jobs.get(selector.replace('job-name=', ''))?.pods ?? []).map(({ name, start, createdAt, disrupted }) => ({
      metadata: { name, creationTimestamp: createdAt },
      status: {
        phase: start.ended === null ? 'Running' : start.ended.code === 0 ? 'Succeeded' : 'Failed',
        conditions: disrupted ? [{ type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' }] : [],
        containerStatuses: [
          {
            state:
              start.ended === null
                ? { running: {} }
                : {
                    terminated: {
                      exitCode: start.ended.code ?? 137,
                      reason: start.ended.code === 0 ? 'Completed' : 'Error',
                    },
                  },
          },
        ],
      },
    }));
  }

  function log(url: URL): [number, unknown] {
    const [, name] = /\/pods\/([^/]+)\/log$/.exec(url.pathname) ?? [];
    const pod = [...jobs.values()].flatMap(({ pods }) => pods).find((one) => one.name === name);
    return pod === undefined ? [404, { message: 'no pod' }] : [200, pod.start.output.join('')];
  }

  return {
    url: server.url,
    /** Takes the node of the newest pod of a job away. */
    disrupt(name: string): void {
      const pod = jobs.get(name)?.pods.at(-1);
      if (pod === undefined) return;
      pod.disrupted = true;
      killStart(pod.start, 'SIGKILL');
    },
    close(): void {
      for (const { pods } of jobs.values()) for (const { start } of pods) killStart(start, 'SIGKILL');
      server.close();
    },
  };
}
