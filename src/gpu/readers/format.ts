/** Kinds of files, distinguished by content and not by name. */
export type FileKind =
  | 'trace'
  | 'nsys-sqlite'
  | 'nsys-stats-text'
  | 'nsys-kernel-csv'
  | 'nsys-gpu-trace'
  | 'ncu-csv'
  | 'ncu-text'
  | 'dcgmi-dmon'
  | 'dmon'
  | 'pmon'
  | 'query-gpu'
  | 'monitor-jsonl'
  | 'dcgm'
  | 'sacct'
  | 'prometheus'
  | 'pod-list'
  | 'pod-csv'
  | 'node-csv'
  | 'iterations'
  | 'variation'
  | 'cluster-summary'
  | 'cluster-jobs'
  | 'philly-util'
  | 'philly-machines'
  | 'philly-jobs'
  | 'utilisation-cdf'
  | 'nccl-tests'
  | 'megatron-log'
  | 'nsys-rep'
  | 'ncu-rep';

/** Marks in the first bytes of a file, tried in this order. */
const marks: readonly (readonly [FileKind, RegExp])[] = [
  ['nsys-sqlite', /^SQLite format 3\0/],
  ['nsys-rep', /^NVIDIA Tegra Profiler Report/],
  ['ncu-rep', /^NVR\0/],
  ['monitor-jsonl', /^\s*\{"[^\n]*"gpu_usage:\w+":[^\n]*\}\s*\n/],
  ['pod-list', /^\s*\{(?=[\s\S]{0,2000}"kind"\s*:\s*"(List|PodList)")/],
  ['philly-jobs', /^\s*\[\s*\{(?=[\s\S]*?"attempts"\s*:)(?=[\s\S]*?"submitted_time"\s*:)/],
  ['prometheus', /^\s*\{(?=[\s\S]{0,2000}"resultType"\s*:\s*"(matrix|vector)")/],
  ['trace', /^\uFEFF?\s*(\{\s*["}]|\[\s*[[{\]])/],
  ['dcgm', /^(?:#.*\n|[^\S\n]*\n)*DCGM_FI_\w+\{/],
  ['ncu-csv', /^"?ID"?,"?Process ID"?,/m],
  ['ncu-text', /^\s*\S.* \(\d+, \d+, \d+\)x\(\d+, \d+, \d+\), Context \d+, Stream \d+/m],
  ['nsys-gpu-trace', /^"?Start \(\w+\)"?,"?Duration \(\w+\)"?,"?CorrId"?,/m],
  ['dcgmi-dmon', /^\s*#\s*Entity\s+[A-Z]{4,}/m],
  ['nsys-stats-text', /^\[\d+\/\d+\] Executing '\w+' stats report/m],
  ['nsys-kernel-csv', /^"?Time \(%\)"?,"?Total Time \(ns\)"?,"?Instances"?,.*Name/m],
  ['pmon', /^#\s*(Date\s+)?(Time\s+)?gpu\s+pid\s+type/im],
  ['dmon', /^#\s*(Date\s+)?(Time\s+)?gpu\s+\w+/im],
  ['nccl-tests', /^#.*\b(minBytes|nThread)\b|^#\s+size\s+count\s+type/m],
  ['query-gpu', /^[^\n]*\butilization[._]gpu\b/],
  ['pod-csv', /^[^\n]*\bpod_phase\b[^\n]*\bscheduled_time\b/],
  ['node-csv', /^sn,cpu_milli,memory_mib,gpu,model/],
  ['iterations', /^[^\n]*\bworker\b[^\n]*\bbatch_time/],
  ['variation', /^,0,1,2,3[,\n]/],
  ['cluster-jobs', /^job_id,[^\n]*\bgpu_num\b[^\n]*\bstate\b[^\n]*\bduration\b/],
  ['philly-util', /^time,\s*machineId,\s*gpu0_util\b/i],
  ['philly-machines', /^machineId,\s*number of GPUs\b/i],
  ['cluster-summary', /^id,[^\n]*\bgpu_job_num\b/],
  ['utilisation-cdf', /^[^\n]*\bmetric,percentile,value/],
  [
    'prometheus',
    /^(?=[^\n]*\bvalue\b)(?=[^\n]*\b(timestamp|time)\b)(?=[^\n]*\b(instance|gpu|__name__|Hostname)\b)[^\n]*\n/i,
  ],
  [
    'sacct',
    /^(JobID\w*\|[^\n]*|\d+(_\d+)?(\.\w+)?\|([^\n]*\|)?(COMPLETED|FAILED|CANCELLED|TIMEOUT|RUNNING|PENDING|OUT_OF_MEMORY|NODE_FAIL|PREEMPTED)\b[^\n]*)(\n|$)/m,
  ],
  ['megatron-log', /\bsetting training iterations to\b|\belapsed time per iteration \(ms\):|\breset_iteration \.{3}/],
];

/** The kind of a file by its first bytes (unpacked, 64 KiB are enough); undefined if it is unknown. */
export function fileKindOf(head: Uint8Array): FileKind | undefined {
  const text = new TextDecoder('utf-8').decode(head);
  return marks.find(([, mark]) => mark.test(text))?.[0];
}
