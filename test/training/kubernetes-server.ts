import type { ServerResponse } from 'node:http';
import { type Answer, killStart, type Start, serveJson, startProgram } from './container-server.ts';

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
  readonly job: string;
  /** Null: no node has room for it. */
  readonly start: Start | null;
  readonly createdAt: string;
  disrupted: boolean;
  oomKilled: boolean;
}

interface Job {
  readonly manifest: Manifest;
  readonly pods: Pod[];
  failed: string | null;
}

interface Change {
  readonly version: number;
  readonly job: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: unknown;
}

const status = (code: number, reason: string, message: string): Answer => [
  code,
  { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code },
];

/**
 * The Jobs of a Kubernetes API server, whose containers are processes of this machine. It answers in the forms of batch/v1 and v1, with
 * watches and their versions. `machine`: variables of every container. A Job replaces a disrupted pod, as its `podFailurePolicy` says.
 */
export async function kubernetesServer(machine: NodeJS.ProcessEnv = {}) {
  const jobs = new Map<string, Job>();
  const changes: Change[] = [];
  const watches = new Set<{ readonly job: string; readonly response: ServerResponse }>();
  const faults = { conflicts: 0, compacted: 0, lost: false, noRoom: false };
  let version = 100;
  const server = await serveJson((method, url, body) => {
    const [, name, rest] = /\/jobs(?:\/([^/]+))?(\/.*)?$/.exec(url.pathname) ?? [];
    if (method === 'POST' && rest === undefined) {
      const answer = create(body as Manifest);
      return faults.lost ? null : answer;
    }
    const job = jobs.get(name ?? '');
    if (url.pathname.endsWith('/pods')) return pods(url);
    if (url.pathname.endsWith('/events'))
      return [200, { items: eventsOf(url.searchParams.get('fieldSelector') ?? '') }];
    if (url.pathname.includes('/pods/')) return log(url);
    if (job === undefined) return status(404, 'NotFound', `jobs.batch "${name}" not found`);
    if (method === 'PATCH' && faults.conflicts > 0) {
      faults.conflicts -= 1;
      return status(
        409,
        'Conflict',
        `Operation cannot be fulfilled on jobs.batch "${name}": the object has been modified`,
      );
    }
    if (method === 'PATCH') patch(job, body as Partial<Manifest>);
    return [200, jobStatus(job)];
  });

  function create(manifest: Manifest): Answer {
    const { name } = manifest.metadata;
    if (jobs.has(name)) return status(409, 'AlreadyExists', `jobs.batch "${name}" already exists`);
    const job: Job = { manifest, pods: [], failed: null };
    jobs.set(name, job);
    if (manifest.spec.suspend !== true) addPod(job);
    return [201, jobStatus(job)];
  }

  function addPod(job: Job): void {
    const [container] = job.manifest.spec.template.spec.containers;
    const variables = Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]));
    const number = changes.filter(({ type, job: of }) => type === 'ADDED' && of === job.manifest.metadata.name).length;
    const pod: Pod = {
      name: `${job.manifest.metadata.name}-0-${number}`,
      job: job.manifest.metadata.name,
      start: faults.noRoom
        ? null
        : startProgram(container?.command ?? [], { ...machine, ...variables }, () => ended(job, pod)),
      createdAt: new Date(Date.UTC(2026, 0, 1) + number * 1000).toISOString(),
      disrupted: false,
      oomKilled: false,
    };
    job.pods.push(pod);
    changed('ADDED', pod);
  }

  function ended(job: Job, pod: Pod): void {
    // A Job that is deleted has no successor of its pod.
    if (jobs.get(job.manifest.metadata.name) !== job) return;
    if (job.pods.includes(pod)) changed('MODIFIED', pod);
    if (pod.start?.ended?.code === 0 || job.manifest.spec.suspend === true) return;
    if (pod.disrupted) return addPod(job);
    const final = job.manifest.spec.podFailurePolicy?.rules.find(({ action }) => action === 'FailJob');
    const code = pod.start?.ended?.code ?? 137;
    if (final === undefined || final.onExitCodes?.values.includes(code) === true) job.failed = 'PodFailurePolicy';
    else addPod(job);
  }

  function changed(type: Change['type'], pod: Pod): void {
    version += 1;
    const change = { version, type, job: pod.job, object: podObject(pod, version) };
    changes.push(change);
    for (const { job, response } of watches) if (job === pod.job) write(response, change);
  }

  function write(response: ServerResponse, { type, object }: Pick<Change, 'object'> & { readonly type: string }): void {
    response.write(`${JSON.stringify({ type, object })}\n`);
  }

  function patch(job: Job, change: Partial<Manifest>): void {
    job.manifest.metadata.annotations = { ...job.manifest.metadata.annotations, ...change.metadata?.annotations };
    if (change.spec?.suspend !== true) return;
    job.manifest.spec.suspend = true;
    for (const { start } of job.pods) if (start !== null) killStart(start, 'SIGKILL');
  }

  function jobStatus({ manifest, pods: own, failed }: Job): unknown {
    const isComplete = own.some(({ start }) => start?.ended?.code === 0);
    const active = own.filter(({ start }) => start === null || start.ended === null).length;
    const condition = isComplete ? 'Complete' : failed === null ? null : 'Failed';
    return {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { ...manifest.metadata, resourceVersion: String(version) },
      spec: { suspend: manifest.spec.suspend ?? false },
      status: {
        ...(active > 0 ? { active } : {}),
        ...(condition === null ? {} : { conditions: [{ type: condition, status: 'True', reason: failed ?? '' }] }),
      },
    };
  }

  function pods(url: URL): Answer {
    const job = (url.searchParams.get('labelSelector') ?? '').replace('job-name=', '');
    if (url.searchParams.get('watch') !== 'true')
      return [
        200,
        {
          kind: 'PodList',
          apiVersion: 'v1',
          metadata: { resourceVersion: String(version) },
          items: (jobs.get(job)?.pods ?? []).map((pod) => podObject(pod, version)),
        },
      ];
    const from = Number(url.searchParams.get('resourceVersion'));
    return [
      200,
      (response: ServerResponse) => {
        if (from < faults.compacted) {
          const [, gone] = status(410, 'Expired', `too old resource version: ${from} (${faults.compacted})`) ?? [];
          write(response, { type: 'ERROR', object: gone });
          response.end();
          return;
        }
        for (const change of changes) if (change.job === job && change.version > from) write(response, change);
        const watch = { job, response };
        watches.add(watch);
        response.once('close', () => watches.delete(watch));
      },
    ];
  }

  function podObject({ name, job, start, createdAt, disrupted, oomKilled }: Pod, at: number): unknown {
    const end = start?.ended;
    return {
      metadata: { name, creationTimestamp: createdAt, resourceVersion: String(at), labels: { 'job-name': job } },
      status: {
        phase: start === null ? 'Pending' : end == null ? 'Running' : end.code === 0 ? 'Succeeded' : 'Failed',
        conditions: disrupted ? [{ type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' }] : [],
        ...(start === null ? {} : { containerStatuses: [{ state: containerState(end ?? null, oomKilled) }] }),
      },
    };
  }

  function containerState(end: Start['ended'], oomKilled: boolean): unknown {
    if (end === null) return { running: {} };
    const reason = end.code === 0 ? 'Completed' : oomKilled ? 'OOMKilled' : 'Error';
    return { terminated: { exitCode: end.code ?? 137, reason } };
  }

  function eventsOf(selector: string): readonly unknown[] {
    const name = selector.replace('involvedObject.name=', '');
    const warning = {
      type: 'Warning',
      reason: 'FailedScheduling',
      message: '0/3 nodes are available: 3 Insufficient nvidia.com/gpu.',
      lastTimestamp: '2026-01-01T00:00:10Z',
      involvedObject: { kind: 'Pod', name },
    };
    return faults.noRoom ? [{ type: 'Normal', reason: 'Queued', message: '' }, warning] : [];
  }

  function log(url: URL): Answer {
    const [, name] = /\/pods\/([^/]+)\/log$/.exec(url.pathname) ?? [];
    const pod = [...jobs.values()].flatMap(({ pods: own }) => own).find((one) => one.name === name);
    if (pod === undefined) return status(404, 'NotFound', `pods "${name}" not found`);
    if (pod.start === null)
      return status(400, 'BadRequest', 'container "train" is waiting to start: ContainerCreating');
    return [200, pod.start.output.join('')];
  }

  const newest = (name: string) => jobs.get(name)?.pods.at(-1);
  return {
    url: server.url,
    /** Takes the node of the newest pod of a job away; `deleted`: the pod goes with it, before anybody looks. */
    disrupt(name: string, { deleted = false } = {}): void {
      const pod = newest(name);
      if (pod?.start == null) return;
      pod.disrupted = true;
      changed('MODIFIED', pod);
      killStart(pod.start, 'SIGKILL');
      if (!deleted) return;
      jobs.get(name)?.pods.pop();
      changed('DELETED', pod);
    },
    /** The first process of the newest pod gets SIGTERM, as when somebody deletes the pod; no condition says why. */
    stop(name: string): void {
      newest(name)?.start?.child.kill('SIGTERM');
    },
    /** Exit codes of the pods of a job that have ended. */
    codes: (name: string) => (jobs.get(name)?.pods ?? []).flatMap(({ start }) => start?.ended?.code ?? []),
    /** Why a job failed; null: it did not. */
    condition: (name: string) => jobs.get(name)?.failed ?? null,
    /** The kernel ends the newest pod for its memory. */
    exhaust(name: string): void {
      const pod = newest(name);
      if (pod?.start == null) return;
      pod.oomKilled = true;
      killStart(pod.start, 'SIGKILL');
    },
    /** Ends every watch; their versions are too old from now on. */
    compact(): void {
      faults.compacted = version + 1;
      version += 1;
      for (const { response } of watches) response.end();
    },
    /** Somebody deletes a Job with its pods. */
    remove(name: string): void {
      const pod = newest(name);
      jobs.delete(name);
      if (pod?.start != null) killStart(pod.start, 'SIGKILL');
    },
    watching: () => watches.size,
    faults,
    close(): void {
      for (const { pods: own } of jobs.values())
        for (const { start } of own) if (start !== null) killStart(start, 'SIGKILL');
      jobs.clear();
      server.close();
    },
  };
}
