import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type Random, randomBelow, seededRandom } from '../../src/base/rng.ts';
import { workClassifier } from '../../src/gpu/analysis/decompose.ts';
import { joinLaunches } from '../../src/gpu/analysis/launches.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import { parseText } from '../../src/gpu/readers/parse-text.ts';
import { readTraceFile } from '../../src/gpu/readers/trace/read-trace.ts';
import type { Source } from '../../src/gpu/source.ts';
import type { Trace } from '../../src/gpu/trace/trace.ts';
import {
  addGpu,
  addHost,
  type Boundary,
  boundariesOf,
  launchAt,
  someOf,
  withoutGaps,
  withShorterCollectives,
  withTime,
} from './alter-trace.ts';

const FOLDER = resolve('../shared/data/gpu');

/** Whether there are recorded captures to alter; they are not part of the repository. */
export const hasRecorded = existsSync(FOLDER);

/** Recordings that are altered, by the beginning of their names. Those with communication are made into several ranks. */
export const recordings = [
  'tracelens_b200_eager',
  'tracelens_mi300_Qwen',
  'tracelens_mi300_Falconsai',
  'tracelens_vllm_decode',
  'hta_nccl_parser',
  'hta_trace_diff_test',
  'hta_ns_resolution',
  'kineto_resnet50_num_workers_0',
  'kineto_resnet50_num_workers_4',
] as const;

/** A recording without its idle time: what faults are put into. */
export interface Recorded {
  readonly name: string;
  readonly trace: Trace;
  /** Whether nothing is wrong with it; else its kernels compute in single precision, which is ranked after any wait. */
  readonly healthy: boolean;
}

/** Reads the recordings that can be altered: those in which no wait is left once their idle time is taken out. */
export async function readRecorded(names: readonly string[] = recordings): Promise<readonly Recorded[]> {
  const found: Recorded[] = [];
  for (const start of names) {
    const name = readdirSync(`${FOLDER}/torch_trace`).find((known) => known.startsWith(start));
    if (name === undefined) continue;
    const read = await readTraceFile(`${FOLDER}/torch_trace/${name}`);
    const trace = withoutGaps(withShorterCollectives(read, 0.2), 1);
    const { findings } = diagnose([{ kind: 'trace', path: name, trace }]);
    const warnings = findings.filter(({ severity }) => severity === 'warning');
    if (warnings.every(({ cause }) => cause === 'kernel-efficiency') && freeMoments(trace).length > 0)
      found.push({ name, trace, healthy: warnings.length === 0 });
  }
  return found;
}

/** Kinds of alterations of recorded captures, and the case of the confusion that each belongs to. */
export const alterations = [
  'healthy',
  'data pipeline',
  'hidden sync',
  'transfer-bound',
  'straggler',
  'gang wait',
] as const;
export type Alteration = (typeof alterations)[number];

/** A recorded capture, altered at random. */
export function alteredRecording(which: Alteration, recorded: readonly Recorded[], seed: number): readonly Source[] {
  const random = seededRandom(seed);
  if (which === 'gang wait') return gangWait(random);
  const several = recorded.filter((one) => exposedCollectives(one.trace).length >= 6);
  const bases =
    which === 'straggler' ? several : which === 'healthy' ? recorded.filter(({ healthy }) => healthy) : recorded;
  const base = bases[randomBelow(random, bases.length)];
  if (base === undefined) throw new Error(`no recording for ${which}`);
  const { name, trace } = base;
  const share = 0.22 + 0.4 * random();
  const traces = which === 'straggler' ? lateRank(trace, share, random) : [alter[which](trace, share, random)];
  return traces.map((altered, rank) => ({ kind: 'trace', path: `${rank}-${name}`, trace: altered }));
}

function lengthUs({ gpu }: Trace): number {
  let from = Number.POSITIVE_INFINITY;
  let until = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < gpu.length; row += 1) {
    from = Math.min(from, gpu.ts[row]);
    until = Math.max(until, gpu.ts[row] + gpu.dur[row]);
  }
  return until - from;
}

/** A wait shorter than this is no wait: calls alone take about as long. */
const SHORTEST_US = 60;

/** Moments between GPU events at which time can be put in, step by step. */
function freeMoments(trace: Trace): readonly (readonly Boundary[])[] {
  const launches = joinLaunches(trace).ofGpu;
  const calls = new Map<number, number>();
  for (const call of launches) calls.set(call, (calls.get(call) ?? 0) + 1);
  // Nothing can be put inside of a graph, which one call launches, nor where the recording does not tell the call.
  const boundaries = boundariesOf(trace).filter(({ next }) => calls.get(launches[next]) === 1 && launches[next] >= 0);
  return (trace.steps.length > 0 ? trace.steps : [{ ts: 0, dur: Number.MAX_VALUE }])
    .map(({ ts, dur }) => boundaries.filter(({ at }) => at > ts && at < ts + dur))
    .filter((group) => group.length >= 3);
}

/** Puts time in between GPU events: as often in every step, since what is wrong with a loop is wrong each time. */
function placesOf(trace: Trace, share: number, atMost: number, random: Random) {
  const groups = freeMoments(trace);
  const totalUs = (lengthUs(trace) * share) / (1 - share);
  const most = Math.floor(totalUs / SHORTEST_US / groups.length);
  const each = Math.max(Math.min(Math.ceil(3 / groups.length) + randomBelow(random, atMost), most), 1);
  const chosen = groups.flatMap((group) => someOf(group, Math.min(each, group.length), random));
  const us = totalUs / chosen.length;
  const inserted = withTime(
    trace,
    chosen.map(({ at }) => at),
    us,
  );
  const { ofGpu } = joinLaunches(inserted);
  return {
    inserted,
    us,
    ofGpu,
    places: chosen.map(({ at, next }, index) => ({
      from: at + us * index,
      next,
      thread: inserted.host.thread[ofGpu[next]],
    })),
  };
}

const alter = {
  /** Gaps of a few microseconds, less than 5 % in all. */
  healthy(trace: Trace, _: number, random: Random): Trace {
    return placesOf(trace, 0.04 * random(), 40, random).inserted;
  },

  'data pipeline'(trace: Trace, share: number, random: Random): Trace {
    const { inserted, us, ofGpu, places } = placesOf(trace, share, 8, random);
    for (const { from, next, thread } of places) {
      launchAt(inserted, next, from + us - 1, ofGpu);
      const name = 'enumerate(DataLoader)#_MultiProcessingDataLoaderIter.__next__';
      addHost(inserted, [{ kind: 'annotation', name, thread, ts: from, dur: us - 4 }]);
    }
    return inserted;
  },

  /** Half of them results that are read back, half of them waits with work submitted behind. */
  'hidden sync'(trace: Trace, share: number, random: Random): Trace {
    const { inserted, us, ofGpu, places } = placesOf(trace, share, 40, random);
    const readsBack = random() < 0.5;
    for (const { from, next, thread } of places) {
      if (readsBack) {
        const copy = {
          kind: 'memcpy',
          name: 'Memcpy DtoH (Device -> Pageable)',
          like: next,
          bytes: 4,
          thread,
        } as const;
        addGpu(inserted, [{ ...copy, ts: from + 1, dur: 1.5, call: 'cudaMemcpyAsync', calledAt: from - 4 }]);
        addHost(inserted, [
          { kind: 'runtime', name: 'cudaStreamSynchronize', thread, ts: from - 2, dur: 7 },
          { kind: 'python', name: 'train.py(88): clip_if_needed', thread, ts: from + 5, dur: us - 8 },
        ]);
        launchAt(inserted, next, from + us - 1, ofGpu);
      } else {
        launchAt(inserted, next, from - 3, ofGpu);
        addHost(inserted, [{ kind: 'runtime', name: 'cudaDeviceSynchronize', thread, ts: from - 1, dur: us + 1 }]);
      }
    }
    return inserted;
  },

  'transfer-bound'(trace: Trace, share: number, random: Random): Trace {
    const { inserted, us, places } = placesOf(trace, share, 8, random);
    const pinned = random() < 0.5;
    const name = pinned ? 'Memcpy HtoD (Pinned -> Device)' : 'Memcpy HtoD (Pageable -> Device)';
    const bytes = us * (pinned ? 24_000 : 6000);
    for (const { from, next, thread } of places)
      addGpu(inserted, [
        {
          kind: 'memcpy',
          name,
          like: next,
          ts: from,
          dur: us,
          bytes,
          call: 'cudaMemcpyAsync',
          thread,
          calledAt: from - 3,
        },
      ]);
    return inserted;
  },
} as const satisfies Readonly<Record<string, (trace: Trace, share: number, random: Random) => Trace>>;

/** Collectives at whose end nothing else runs on the GPU. */
function exposedCollectives(trace: Trace): readonly { readonly at: number; readonly row: number }[] {
  const { gpu } = trace;
  const workOf = workClassifier(trace);
  const rows = Array.from({ length: gpu.length }, (_, row) => row);
  const others = rows.filter((row) => workOf(row) !== 'communication');
  return rows
    .filter((row) => workOf(row) === 'communication' && gpu.dur[row] > 4)
    .map((row) => ({ at: gpu.ts[row] + gpu.dur[row] - 1, row }))
    .filter(({ at, row }) =>
      others.every((other) => gpu.ts[other] + gpu.dur[other] <= gpu.ts[row] || gpu.ts[other] >= at + 1),
    )
    .sort((a, b) => a.at - b.at);
}

/** One recording as several ranks: one computes longer before collectives, and the others wait in them. */
function lateRank(trace: Trace, share: number, random: Random): readonly Trace[] {
  const all = exposedCollectives(trace);
  const ranks = 2 + randomBelow(random, 3);
  const late = randomBelow(random, ranks);
  const groups = trace.steps
    .map(({ ts, dur }) => all.filter(({ at }) => at > ts && at < ts + dur))
    .filter((group) => group.length > 0);
  const each = Math.ceil(Math.min(...groups.map((group) => group.length)) * (0.5 + 0.5 * random()));
  const chosen = groups.flatMap((group) => someOf(group, each, random));
  const us = (lengthUs(trace) * share) / (1 - share) / chosen.length;
  return Array.from({ length: ranks }, (_, rank) => {
    // In the late rank before the collective, in the others inside of it.
    const moments = chosen.map(({ at, row }) => (rank === late ? trace.gpu.ts[row] : at));
    const moved = withTime(trace, moments, us);
    const { ofGpu } = joinLaunches(moved);
    if (rank === late)
      for (const [index, { row }] of chosen.entries()) {
        const thread = ofGpu[row] < 0 ? 0 : moved.host.thread[ofGpu[row]];
        const from = (moments[index] ?? 0) + us * index;
        addGpu(moved, [
          {
            kind: 'kernel',
            name: 'gemm_of_longer_sequences',
            like: row,
            ts: from,
            dur: us,
            call: 'cudaLaunchKernel',
            thread,
            calledAt: from - 3,
          },
        ]);
      }
    return { ...moved, rank, worldSize: ranks };
  });
}

/** A part of the recorded pod list in which some gangs of pods, put in at random, are never placed. */
function gangWait(random: Random): readonly Source[] {
  const text = (name: string) => gunzipSync(readFileSync(`${FOLDER}/cluster/${name}`)).toString();
  const [header = '', ...lines] = text('alibaba_v2023_openb_pod_list_default.csv.gz').trim().split('\n');
  const columns = header.split(',');
  const at = (name: string) => columns.indexOf(name);
  const scheduled = lines.map((line) => line.split(',')).filter((fields) => fields[at('scheduled_time')] !== '');
  const from = randomBelow(random, scheduled.length - 300);
  const part = scheduled.slice(from, from + 100 + randomBelow(random, 200));
  const times = part.map((fields) => Number(fields[at('creation_time')]));
  const gangs: string[][] = [];
  for (let gang = 3 + randomBelow(random, 6); gang > 0; gang -= 1) {
    const created = times[randomBelow(random, times.length)] ?? 0;
    const life = 60 + randomBelow(random, 4000);
    for (let member = 4 + randomBelow(random, 5); member > 0; member -= 1) {
      const fields = [...(part[randomBelow(random, part.length)] ?? [])];
      fields[at('name')] = `gang-${gang}-${member}`;
      fields[at('num_gpu')] = '1';
      fields[at('gpu_milli')] = '1000';
      fields[at('pod_phase')] = 'Pending';
      fields[at('creation_time')] = String(created);
      fields[at('deletion_time')] = String(created + life);
      fields[at('scheduled_time')] = '';
      gangs.push(fields);
    }
  }
  const pods = [columns, ...part, ...gangs].map((fields) => fields.join(',')).join('\n');
  return [
    parseText('pod-csv', 'pods.csv', `${pods}\n`),
    parseText('node-csv', 'nodes.csv', text('alibaba_v2023_openb_node_list_all_node.csv.gz')),
  ];
}
