import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { type Random, randomBelow, seededRandom } from '../../src/base/rng.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import { fileKindOf } from '../../src/gpu/readers/format.ts';
import { parseText, type TextKind } from '../../src/gpu/readers/parse-text.ts';
import type { Source } from '../../src/gpu/source.ts';
import { captureJson } from '../../src/labs/captures/capture.ts';
import { trainingRun } from '../../src/labs/captures/training-run.ts';
import { gangWaitPods } from '../../test/gpu/captures/cluster.ts';
import { scanTrace } from '../../test/gpu/captures/scan-trace.ts';

const ranks = trainingRun({
  fault: 'hidden-sync',
  share: 0.3,
  steps: 2,
  kernelsPerStep: 6,
  kernelUs: 50,
  ranks: 2,
  random: seededRandom(1),
}).map(captureJson);
const cluster = gangWaitPods(seededRandom(2));
const ncuHeader =
  '"ID","Process ID","Process Name","Host Name","Kernel Name","Context","Stream","Block Size","Grid Size","Device","CC","Section Name","Metric Name","Metric Unit","Metric Value","Rule Name","Rule Type","Rule Description","Estimated Speedup Type","Estimated Speedup"';

/** Small valid texts of each kind, from which damaged ones are made. */
export const seeds: Readonly<Record<TextKind | 'trace', readonly string[]>> = {
  trace: [ranks[0] ?? ''],
  dmon: [
    '#Date Time gpu pwr gtemp sm mem\n#YYYYMMDD HH:MM:SS Idx W C % %\n 20240104 13:54:35 0 43 35 6 1\n 20240104 13:54:36 0 43 35 99 -\n',
    '# gpu pwr sm mem smutil mmaact dram\n# Idx W % % % % %\n 0 300 99 60 80 5 71\n 0 300 98 60 80 5 71\n',
  ],
  pmon: [
    '# gpu pid type sm mem enc dec command\n# Idx # C/G % % % % name\n 0 4021 C 88 30 - - python\n',
    '#Date Time gpu pid type sm mem fb ccpm command\n 20240104 13:54:35 0 4021 C 88 30 18000 0 python\n 20240104 13:54:35 1 - - - - - - -\n',
  ],
  'query-gpu': [
    'timestamp, utilization.gpu [%], utilization.memory [%], memory.used [MiB], memory.total [MiB]\n2024/01/16 14:44:16.977, 10 %, 2 %, 21 MiB, 23028 MiB\n1705416256, [N/A], ERR!, 7 MiB, 23028 MiB\n',
  ],
  'monitor-jsonl': [
    '{"time": "2021-12-06 04:19:35", "gpu_usage:0": 56, "gpu_mem_used:0": 267517952, "gpu_mem_total:0": 17071734784}\n{"gpu_usage:0": null}\n',
  ],
  dcgm: [
    '# HELP x\nDCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-x"} 99\nDCGM_FI_PROF_SM_ACTIVE{gpu="0",GPU_I_PROFILE="1g.5gb",GPU_I_ID="3"} 0.5\n',
  ],
  'ncu-csv': [
    `==PROF== x\n${ncuHeader}\n"0","1","p","h","void k<int>(T1)","1","7","(128, 1, 1)","(152, 4, 1)","0","12.0","GPU Speed Of Light Throughput","Memory Throughput","%","61.83",\n"0","1","p","h","k","1","7","(1, 1, 1)","(1, 1, 1)","0","12.0","SpeedOfLight","","","","SOLBottleneck","OPT","grid is too small","local","81,25"\n`,
    '"ID","Process ID","Process Name","Host Name","Kernel Name","Context","Stream","Block Size","Grid Size","Device","CC","sm__throughput.avg.pct_of_peak_sustained_elapsed","gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed","gpu__time_duration.sum"\n"","","","","","","","","","","","%","%","us"\n"0","1","p","h","k","1","7","(128, 1, 1)","(152, 4, 1)","0","9.0","41,25","61,83","1.234,56"\n',
  ],
  'ncu-text': [
    `==PROF== x\n[7] python@127.0.0.1\n  void k<int>(T1) (152, 4, 1)x(128, 1, 1), Context 1, Stream 7, Device 0, CC 8.0\n    Section: GPU Speed Of Light Throughput\n    ----------------------- ----------- ------------\n    Metric Name             Metric Unit Metric Value\n    ----------------------- ----------- ------------\n    Memory Throughput                 %        61.83\n    Duration                         us     1,234.56\n    ----------------------- ----------- ------------\n\n    OPT   This kernel grid is too small to fill the available resources on this device, resulting in only 0.8 full\n          waves across all SMs.\n`,
  ],
  'nsys-gpu-trace': [
    'Start (ns),Duration (ns),CorrId,GrdX,Bytes (MB),Throughput (MB/s),SrcMemKd,DstMemKd,Device,Ctx,Strm,Name\n1000,500,1,8,,,,,A100 (0),1,7,gemm\n2000,700,2,,4.194,6337.5,Pageable,Device,A100 (0),1,7,[CUDA memcpy Host-to-Device]\n3000,10,3,,0.001,1,,,A100 (1),1,7,[CUDA memset]\n',
  ],
  'dcgmi-dmon': [
    '#Entity   GPUTL  GRACT  SMACT  TENSO  DRAMA\nID\nGPU 0     99  0.982  0.908  0.401  0.602\nGPU-I 0   N/A  0.5  0.5  0.1  0.1\nGPU 1     N/A  0.982  N/A  0.401  0.602\n',
  ],
  'nsys-kernel-csv': [
    'Time (%),Total Time (ns),Instances,Avg (ns),Med (ns),Min (ns),Max (ns),StdDev (ns),Name\n24.9,1231822285,329035,3743.7,3712.0,2079,5856,416.2,"void k<int, float>(T1)"\n',
  ],
  'nsys-stats-text': [
    "[3/8] Executing 'nvtx_sum' stats report\n\n Time (%)  Total Time (ns)  Instances  Range\n --------  ---------------  ---------  -----\n     95.0        3,481,709          1  Loop\n\n[6/8] Executing 'cuda_gpu_kern_sum' stats report\n\n Time (%)  Total Time (ns)  Instances  Med (ns)  Name\n --------  ---------------  ---------  --------  ----\n    100.0        1,831,281      1,010   1,823.0  k\n",
  ],
  prometheus: [
    '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"DCGM_FI_DEV_GPU_UTIL","gpu":"0","instance":"a:9400"},"values":[[1767603600,"97"],[1767603615,"0"]]}]}}',
    'value,timestamp,instance\n97,1767603600,a:9400\n0,1767603615,a:9400\n',
  ],
  sacct: [
    '49421|COMPLETED|0:0|2026-09-17T15:13:20|2026-09-17T16:09:39|3379|billing=8,cpu=8,gres/gpu=1,mem=59G|\n49421.batch|COMPLETED|0:0|None|Unknown|3379|gres/gpu=1|33942380K\n',
    'JobID|State|ExitCode|Start|End|ElapsedRaw|AllocTRES|Eligible|JobName\n7|CANCELLED by 1004|0:0|2024-01-04T13:54:35|2024-01-04T13:54:36|1|gres/gpu:a100=2|2024-01-04T13:50:00|a|b\n8|PENDING|0:0|Unknown|Unknown|0||2024-01-04T13:50:00|c\n',
  ],
  'pod-list': [
    '{"kind": "List", "items": [{"metadata": {"name": "a", "creationTimestamp": "2024-01-01T00:00:00Z"}, "spec": {"containers": [{"resources": {"limits": {"nvidia.com/gpu": "1"}}}]}, "status": {"phase": "Running"}}]}',
  ],
  'pod-csv': [cluster.pods.slice(0, 2000)],
  'node-csv': [cluster.nodes],
  iterations: [
    `,worker,gpu,time,batch_time_norm\n${Array.from({ length: 40 }, (_, at) => `${at},${at % 4},20,${at},${600 + at}`).join('\n')}\n`,
  ],
  variation: [',0,1,2,3\njob_00,0.05,0.04,0.03,\n'],
  'cluster-summary': [
    'id,job_num,gpu_job_num,avg_que_time_gpu,complete_gpu_time,cancel_gpu_time,fail_gpu_time\nA,10,8,400.5,100,200,50\n',
  ],
  'cluster-jobs': [
    'job_id,user,node_num,gpu_num,cpu_num,type,state,submit_time,start_time,end_time,duration,queue,gpu_time\nj1,u1,8,64,960,Pretrain,COMPLETED,2023-05-17 11:00:58+00:00,2023-05-17 11:01:08+00:00,2023-05-17 12:01:08+00:00,3600,10,230400\nj2,u2,1,8,16,Other,FAILED,2023-05-17 11:00:58+00:00,,,18,1,144\n',
  ],
  'philly-util': [
    'time,machineId,gpu0_util,gpu1_util,gpu2_util,gpu3_util\n2017-10-03 00:08:00 PDT,m29,60.8,99.366666667,100.0,NA,\n2017-10-03 00:09:00 PDT,m29,0.0,99.3,100.0,NA,\n2017-10-03 00:08:00 PDT,m30,0.0,0.0,,NA,\n',
  ],
  'philly-machines': ['machineId, number of GPUs, single GPU mem\nm31,8, 24GB\nm32,2, 12GB\n'],
  'philly-jobs': [
    '[{"status": "Pass", "vc": "a", "jobid": "application_1", "attempts": [{"start_time": "2017-10-07 01:12:09", "end_time": "2017-10-07 01:13:23", "detail": [{"ip": "m47", "gpus": ["gpu0", "gpu1"]}]}, {"start_time": "2017-10-07 01:13:30", "end_time": "2017-10-09 06:53:12", "detail": [{"ip": "m412", "gpus": ["gpu0", "gpu1"]}]}], "submitted_time": "2017-10-07 01:11:39", "user": "c"}, {"status": "Killed", "jobid": "b", "attempts": [{"start_time": "None", "end_time": null, "detail": []}], "submitted_time": "None"}]',
  ],
  'utilisation-cdf': [
    'source_pkl,metric,percentile,value\nutil_gpu,gpu_util_pct,0.0,0.0\nutil_gpu,gpu_util_pct,50,98\n',
  ],
  'nccl-tests': [
    '# nThread 1 nGpus 8 minBytes 1\n#   Rank  0 Pid 1 on localhost device  0 [0x00] A100-SXM4-40GB\n#  size count type redop time algbw busbw error time algbw busbw error\n 268435456 67108864 float sum 2112.3 127.09 222.40 1e-6 2112.3 127.09 222.40 1e-6\n# Avg bus bandwidth    : 68.4048\n',
  ],
  'megatron-log': [
    ' setting training iterations to 5\n iteration        1/       5 | elapsed time per iteration (ms): 76015.3 | global batch size:  2048 | x\n',
  ],
};
export type FuzzKind = keyof typeof seeds;

const sprinkles = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\n',
  '\0',
  '-',
  '1e309',
  'NaN',
  '\u00ff',
  '(',
  '%',
  '|',
  '#',
  '9'.repeat(25),
  ' '.repeat(40),
];

/** One damaged text: bytes changed, parts taken out, doubled, exchanged, or cut off. */
export function damaged(text: string, random: Random): string {
  let result = text;
  const changes = 1 + randomBelow(random, 4);
  for (let change = 0; change < changes; change += 1) {
    const at = randomBelow(random, result.length + 1);
    const until = at + randomBelow(random, 30);
    switch (randomBelow(random, 6)) {
      case 0:
        result = result.slice(0, at) + (sprinkles[randomBelow(random, sprinkles.length)] ?? '') + result.slice(at);
        break;
      case 1:
        result = result.slice(0, at) + result.slice(until);
        break;
      case 2:
        result = result.slice(0, until) + result.slice(at);
        break;
      case 3:
        result = result.slice(0, at) + String.fromCharCode(randomBelow(random, 256)) + result.slice(at + 1);
        break;
      case 4:
        result = result.slice(0, at);
        break;
      default:
        result = result.slice(at) + result.slice(0, at);
    }
  }
  return result;
}

/** What a damaged file is diagnosed next to, since files are joined: samples with jobs, pods with nodes, traces with ranks and kernels. */
const beside: Partial<Readonly<Record<FuzzKind, readonly Source[]>>> = {
  trace: [{ kind: 'trace', path: 'rank-1.json', trace: scanTrace(new TextEncoder().encode(ranks[1] ?? '')) }],
  dmon: [parseText('sacct', 'jobs.psv', seeds.sacct[1] ?? '')],
  'query-gpu': [parseText('sacct', 'jobs.psv', seeds.sacct[1] ?? '')],
  'philly-util': [parseText('philly-jobs', 'jobs.json', seeds['philly-jobs'][0] ?? '')],
  sacct: [parseText('dmon', 'dmon.txt', seeds.dmon[0] ?? '')],
  'pod-csv': [parseText('node-csv', 'nodes.csv', seeds['node-csv'][0] ?? '')],
  'node-csv': [parseText('pod-csv', 'pods.csv', seeds['pod-csv'][0] ?? '')],
  'ncu-csv': [{ kind: 'trace', path: 'rank-0.json', trace: scanTrace(new TextEncoder().encode(ranks[0] ?? '')) }],
};

/** Reads and diagnoses damaged texts of a kind; anything but an answer or a coded error is thrown. Returns both counts. */
export function fuzz(
  kind: FuzzKind,
  cases: number,
  firstSeed: number,
): { readonly answers: number; readonly refusals: number } {
  let answers = 0;
  let refusals = 0;
  for (let index = 0; index < cases; index += 1) {
    const text = damaged(seeds[kind][index % seeds[kind].length] ?? '', seededRandom(firstSeed + index));
    try {
      fileKindOf(new TextEncoder().encode(text));
      const source =
        kind === 'trace'
          ? { kind, path: 'fuzz', trace: scanTrace(new TextEncoder().encode(text)) }
          : parseText(kind, 'fuzz', text);
      const { findings } = diagnose([source, ...(beside[kind] ?? [])]);
      for (const { shareOfStep, ceiling } of findings)
        if (
          (shareOfStep !== null && !(shareOfStep >= 0 && shareOfStep <= 1.0001)) ||
          (ceiling !== null && !(ceiling >= 1))
        )
          throw new Error(`seed ${firstSeed + index}: a share of ${shareOfStep} or a ceiling of ${ceiling}`);
      answers += 1;
    } catch (error) {
      if (!isHeadraceError(error))
        throw new Error(`${kind}, seed ${firstSeed + index}: ${String(error)}`, { cause: error });
      refusals += 1;
    }
  }
  return { answers, refusals };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const cases = Number(process.argv[2] ?? 100_000);
  const only = process.argv[3];
  for (const kind of Object.keys(seeds) as FuzzKind[]) {
    if (only !== undefined && only !== kind) continue;
    const started = performance.now();
    const { answers, refusals } = fuzz(kind, cases, 1);
    console.log(
      `${kind}: ${cases} cases, ${answers} answers, ${refusals} coded refusals, ${((performance.now() - started) / 1000).toFixed(1)} s`,
    );
  }
}
