import type { TraceFacts } from './analysis/trace-facts.ts';
import type { Diagnosis, Level, TraceReport } from './diagnosis.ts';
import { processText } from './rules/processes.ts';
import { percent } from './rules/rule.ts';
import type { Source } from './source.ts';

const profilerCall =
  'with torch.profiler.profile(activities=[CPU, CUDA], schedule=schedule(wait=1, warmup=3, active=5), record_shapes=True, with_stack=True) as prof: … prof.step()';

const sacctCall =
  'sacct -a -P -S now-7days --format=JobID,State,ExitCode,Start,End,ElapsedRaw,AllocTRES,Eligible,JobName > jobs.psv';

const ncuCall = 'ncu --set full --csv --page details -c 20 python train.py > kernels.csv';

/** The levels of the investigation with the evidence that each had, in order. */
export function levelsOf(
  sources: readonly Source[],
  facts: readonly TraceFacts[],
  { utilisation, processes }: Pick<Diagnosis, 'utilisation' | 'processes'>,
  traces: readonly TraceReport[],
): readonly Level[] {
  const has = (...kinds: readonly Source['kind'][]) =>
    sources.filter(({ kind }) => kinds.includes(kind)).map(({ path }) => path);
  const scheduler = has('jobs', 'pods', 'clusters');
  const share = (pick: (one: TraceFacts) => number) =>
    facts.map((one) => `${one.file}: ${percent(pick(one) / one.sum.totalUs)} %`);
  const host = facts.filter(({ hasHost }) => hasHost);
  return [
    {
      level: 0,
      title: 'the headline number: allocated × non-idle × busy',
      evidence: [
        ...utilisation.map(({ file, mean, nonIdleShare, meanOfNonIdle }) =>
          nonIdleShare === 0
            ? `${file}: below 1 % all the time`
            : `${file}: ${mean.toFixed(1)} % = ${percent(nonIdleShare)} % non-idle × ${meanOfNonIdle.toFixed(1)} % busy`,
        ),
        ...processes.map((one) => `${one.file}: ${processText(one)}`),
        ...has('dcgm').map((path) => `${path}: one scrape`),
        ...scheduler.map((path) => `${path}: allocation`),
      ],
      missing:
        utilisation.length === 0
          ? 'nvidia-smi dmon -s putcm -o TD -d 1 > dmon.txt'
          : scheduler.length === 0
            ? sacctCall
            : processes.length === 0
              ? 'nvidia-smi pmon -s um -o DT -d 1 > pmon.txt'
              : undefined,
    },
    {
      level: 1,
      title: 'idle against computation inside steps',
      evidence: share(({ sum }) => sum.idleUs).map((text) => `${text} idle`),
      missing: facts.length === 0 ? profilerCall : undefined,
    },
    {
      level: 2,
      title: 'data pipeline',
      evidence: host.map(
        (one) => `${one.file}: ${percent(one.attribution.byWork.loader / one.sum.totalUs)} % waits for data`,
      ),
      missing: host.length === 0 ? profilerCall : undefined,
    },
    {
      level: 3,
      title: 'memory bandwidth and kernels',
      evidence: [
        ...share(({ sum }) => sum.computationUs).map((text) => `${text} computation`),
        ...traces.flatMap((trace) => shapesText(trace) ?? []),
        ...has('ncu').map((path) => `${path}: verdicts per kernel`),
        ...has('dcgm').map((path) => `${path}: activity of SMs, Tensor Cores and DRAM`),
        ...utilisation
          .filter(({ dramActive }) => !Number.isNaN(dramActive))
          .map(({ file, dramActive }) => `${file}: DRAM active ${percent(dramActive)} %`),
      ],
      missing:
        has('ncu').length > 0
          ? undefined
          : facts.length > 0 && traces.every(({ operatorsShare }) => operatorsShare === null)
            ? `${profilerCall} for shapes, then ${ncuCall}`
            : ncuCall,
    },
    {
      level: 4,
      title: 'batch size and launch overhead',
      evidence: [
        ...host.map(
          (one) => `${one.file}: ${percent(one.attribution.byWork.other / one.sum.totalUs)} % waits for launches`,
        ),
        ...host.flatMap(({ file, trace }) =>
          trace.peakMemoryBytes === undefined
            ? []
            : [`${file}: tensors took up to ${(trace.peakMemoryBytes / 2 ** 30).toFixed(1)} GiB`],
        ),
        ...has('kernel-sums').map((path) => `${path}: launches and their lengths`),
      ],
      missing:
        host.length === 0 && has('kernel-sums').length === 0
          ? 'nsys profile -t cuda,nvtx -o step python train.py && nsys export --type sqlite step.nsys-rep'
          : host.length > 0 && host.every(({ trace }) => trace.peakMemoryBytes === undefined)
            ? 'profile_memory=True in the same call, for the memory that a larger batch could take'
            : undefined,
    },
    {
      level: 5,
      title: 'several GPUs',
      evidence: [
        ...share(({ sum }) => sum.exposedCommunicationUs).map((text) => `${text} exposed communication`),
        ...has('iterations', 'fabric').map((path) => `${path}`),
      ],
      missing: facts.some(({ trace }) => (trace.worldSize ?? 1) > facts.length)
        ? `the traces of all ranks (export_chrome_trace on each)${has('fabric').length > 0 ? '' : ', and all_reduce_perf -b 8 -e 8G -f 2 -g 8 > allreduce.log'}`
        : undefined,
    },
    {
      level: 6,
      title: 'scheduling gaps',
      evidence: scheduler,
      missing: scheduler.length === 0 ? `${sacctCall}, or kubectl get pods -A -o json > pods.json` : undefined,
    },
  ];
}

/** How much of the kernel time is bound by what, by the shapes of its operators. */
function shapesText({ file, operators, operatorsShare }: TraceReport): string | undefined {
  if (operatorsShare === null || operators.length === 0) return undefined;
  const sum = (bound: 'compute' | 'memory') =>
    operators.reduce((total, one) => total + (one.bound === bound ? one.share : 0), 0);
  const bounds = `${percent(sum('memory'))} % bound by memory, ${percent(sum('compute'))} % by computation`;
  return `${file}: of kernel time ${percent(operatorsShare)} % has shapes; of the ${operators.length} longest operators, ${bounds}`;
}
