import type { TraceFacts } from './analysis/trace-facts.ts';
import type { Cause, FindingDraft } from './finding.ts';
import type { Source } from './source.ts';

/** Evidence that a call may already hold, so that nobody asks for it again. */
export type Evidenced = 'trace' | 'nsys' | 'all ranks' | 'kernels' | 'samples' | 'activity' | 'jobs' | 'fabric';

/** The evidence in a set of files; whether all ranks of a job are there, only the job tells. */
export function evidencedBy(sources: readonly Source[], facts: readonly TraceFacts[]): ReadonlySet<Evidenced> {
  const has = (kind: Source['kind']) => sources.some((source) => source.kind === kind);
  const found: readonly (readonly [Evidenced, boolean])[] = [
    ['trace', facts.length > 0],
    ['nsys', facts.some(({ trace }) => trace.source === 'nsys')],
    ['kernels', has('ncu')],
    ['samples', has('samples')],
    [
      'activity',
      sources.some((source) => source.kind === 'samples' && source.series.some(({ smActive }) => smActive.length > 0)),
    ],
    ['jobs', has('jobs')],
    ['fabric', has('fabric')],
  ];
  return new Set(found.flatMap(([one, is]) => (is ? [one] : [])));
}

/** How advice asks for each piece of evidence. */
const asks: Readonly<Record<Evidenced, RegExp>> = {
  trace: /record a trace/,
  nsys: /^nsys (profile(?!.*backtrace)|export)/,
  'all ranks': /rank\*\.json|traces of all ranks/,
  kernels: /^ncu .*--csv/,
  samples: /nvidia-smi dmon(?!.*gpm)/,
  activity: /--gpm-metrics/,
  jobs: /^sacct\b/,
  fabric: /^all_reduce_perf/,
};

/** The next pieces of evidence about a cause in order, and the last one, which is always new. */
const next: Readonly<
  Record<Cause, { readonly first: readonly (readonly [Evidenced, string])[]; readonly last: string }>
> = {
  'data-pipeline': { first: [], last: 'py-spy record --native --subprocesses -d 30 -o loader.svg -p PID' },
  'kernel-efficiency': {
    first: [['kernels', 'ncu --set full --csv --page details -k regex:NAME -c 3 python train.py > kernels.csv']],
    last: 'ncu --set full --import-source yes -k regex:NAME -c 1 -o kernel python train.py',
  },
  'launch-overhead': {
    first: [['nsys', 'nsys profile -t cuda,nvtx,osrt --cuda-graph-trace=node -o step python train.py']],
    last: 'nsys profile -t cuda,nvtx,osrt --python-backtrace=cuda -o step python train.py',
  },
  'multi-gpu': {
    first: [['fabric', 'all_reduce_perf -b 8 -e 8G -f 2 -g 8 > allreduce.log']],
    last: 'nvidia-smi topo -m; nvidia-smi nvlink -s',
  },
  'hidden-sync': { first: [], last: 'nsys profile -t cuda,nvtx,osrt --cudabacktrace=sync -o sync python train.py' },
  scheduling: {
    first: [
      [
        'jobs',
        'sacct -a -P -S now-7days --format=JobID,State,ExitCode,Start,End,ElapsedRaw,AllocTRES,Eligible,JobName',
      ],
      ['samples', 'nvidia-smi dmon -s pucm -o TD -d 1 > dmon.txt'],
    ],
    last: 'squeue -o "%i %u %b %M %R"',
  },
};

/** Whether a text asks for evidence that is there. */
function asksForGiven(text: string, given: ReadonlySet<Evidenced>): boolean {
  return [...given].some((one) => asks[one].test(text));
}

/** A finding whose advice asks for nothing that was given. */
export function withoutGiven(draft: FindingDraft, given: ReadonlySet<Evidenced>): FindingDraft {
  const fix = draft.fix.filter((text) => !asksForGiven(text, given));
  if (!asksForGiven(draft.nextCommand, given)) return { ...draft, fix };
  const { first, last } = next[draft.cause];
  return { ...draft, fix, nextCommand: first.find(([one]) => !given.has(one))?.[1] ?? last };
}
