import type { TextKind } from '../../src/gpu/readers/parse-text.ts';

/** A table as names of columns and cells, whatever the format of the file. */
export interface Written {
  readonly names: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A small file of a kind in which every row says the same, so that each number of it is known from any of its rows. */
export interface Fixture {
  readonly kind: TextKind;
  /** The form of the kind, where there are several. */
  readonly form?: string;
  readonly path?: string;
  readonly table: Written;
  /** Columns that hold moments, as ISO 8601. */
  readonly times?: readonly string[];
  readonly write: (table: Written) => string;
}

const ROWS = 40;
const START = Date.UTC(2026, 0, 5, 9);
const rowsOf = (row: (at: number) => readonly string[], count = ROWS) =>
  Array.from({ length: count }, (_, at) => row(at));
const at = (index: number, everyS = 1) => `${new Date(START + index * everyS * 1000).toISOString().slice(0, 19)}`;

const csv =
  (separator = ',') =>
  ({ names, rows }: Written) =>
    `${[names, ...rows].map((row) => row.join(separator)).join('\n')}\n`;

/** Columns apart by white space, with a line of units, as nvidia-smi prints. */
const spaced =
  (unit: (name: string) => string) =>
  ({ names, rows }: Written) =>
    `#${names.join(' ')}\n#${names.map(unit).join(' ')}\n${rows.map((row) => ` ${row.join(' ')}\n`).join('')}`;

/** One line for each cell of a row. */
const lines =
  (line: (name: string, cell: string) => string) =>
  ({ names, rows }: Written) =>
    rows.flatMap((row) => row.map((cell, column) => line(names[column] ?? '', cell))).join('');

const json = (names: readonly string[], row: readonly string[]) =>
  Object.fromEntries(
    row.flatMap((cell, column) => {
      const name = names[column] ?? '';
      return name === '' ? [] : [[name, cell === 'null' ? null : cell] as const];
    }),
  );

const sacct: Written = {
  names: [
    'JobID',
    'State',
    'ExitCode',
    'Submit',
    'Start',
    'End',
    'TotalCPU',
    'Elapsed',
    'ElapsedRaw',
    'AllocTRES',
    'JobName',
  ],
  rows: rowsOf((job) => [
    String(100 + job),
    job % 2 === 0 ? 'COMPLETED' : 'FAILED',
    '0:0',
    at(10_000 * job),
    at(10_000 * job + 30),
    at(10_000 * job + 30 + 3600),
    '04:10:00',
    '01:00:00',
    '3600',
    'billing=8,cpu=8,gres/gpu=2,mem=59G,node=1',
    'train',
  ]),
};

const ncuNames =
  'ID,Process ID,Process Name,Host Name,Kernel Name,Context,Stream,Block Size,Grid Size,Device,CC,Section Name,Metric Name,Metric Unit,Metric Value';
const ncuMetrics = [
  ['Compute (SM) Throughput', '%', '41.49'],
  ['Memory Throughput', '%', '61.83'],
  ['DRAM Throughput', '%', '18.13'],
  ['Duration', 'ns', '406240'],
  ['Waves Per SM', '', '1.89'],
] as const;

/** A fixture of each kind that is read as text. */
export const fixtures: readonly Fixture[] = [
  {
    kind: 'dmon',
    table: {
      names: ['Date', 'Time', 'gpu', 'pwr', 'gtemp', 'sm', 'mem', 'fb', 'pclk', 'smutil', 'mmaact', 'dram'],
      rows: rowsOf((index) => [
        '20260105',
        at(index).slice(11),
        '0',
        '310',
        '61',
        '97',
        '44',
        '21000',
        '1410',
        '91',
        '45',
        '61',
      ]),
    },
    write: spaced((name) => (name === 'gpu' ? 'Idx' : '%')),
  },
  {
    kind: 'pmon',
    table: {
      names: ['Date', 'Time', 'gpu', 'pid', 'type', 'sm', 'mem', 'enc', 'dec', 'fb', 'command'],
      rows: rowsOf((index) => [
        '20260105',
        at(index).slice(11),
        '0',
        '4021',
        'C',
        '88',
        '30',
        '-',
        '-',
        '18000',
        'python',
      ]),
    },
    write: spaced((name) => (name === 'gpu' ? 'Idx' : '%')),
  },
  {
    kind: 'query-gpu',
    table: {
      names: [
        'timestamp',
        'index',
        'utilization.gpu [%]',
        'power.draw [W]',
        'memory.used [MiB]',
        'memory.total [MiB]',
        'name',
      ],
      rows: rowsOf((index) => [at(index), '0', '97', '310.5', '21000', '24576', 'A10']),
    },
    times: ['timestamp'],
    write: csv(),
  },
  {
    kind: 'monitor-jsonl',
    table: {
      names: ['time', 'gpu_usage:0', 'gpu_mem_used:0', 'gpu_mem_total:0'],
      rows: rowsOf((index) => [at(index), '56', '8535867392', '17071734784']),
    },
    times: ['time'],
    write: ({ names, rows }) =>
      rows
        .map((row) => {
          const cells = Object.entries(json(names, row)).map(
            ([name, cell]) => [name, name !== 'time' && /^\d+$/.test(String(cell)) ? Number(cell) : cell] as const,
          );
          return `${JSON.stringify(Object.fromEntries(cells))}\n`;
        })
        .join(''),
  },
  {
    kind: 'dcgm',
    table: {
      names: [
        'DCGM_FI_DEV_GPU_UTIL',
        'DCGM_FI_PROF_GR_ENGINE_ACTIVE',
        'DCGM_FI_PROF_SM_ACTIVE',
        'DCGM_FI_PROF_PIPE_TENSOR_ACTIVE',
        'DCGM_FI_PROF_DRAM_ACTIVE',
        'DCGM_FI_DEV_POWER_USAGE',
      ],
      rows: [['99', '0.99563', '0.97', '0.92926', '0.690789', '409.7']],
    },
    write: lines((name, cell) => `${name}{gpu="0",modelName="A100"} ${cell}\n`),
  },
  {
    kind: 'ncu-csv',
    table: {
      names: ncuNames.split(','),
      rows: ncuMetrics.map(([metric, unit, value]) => [
        '0',
        '1',
        'p',
        'h',
        'k',
        '1',
        '7',
        '"(128, 1, 1)"',
        '"(152, 4, 1)"',
        '0',
        '12.0',
        'GPU Speed Of Light Throughput',
        metric,
        unit,
        value,
      ]),
    },
    write: csv(),
  },
  {
    kind: 'ncu-text',
    table: {
      names: ['Metric Name', 'Metric Unit', 'Metric Value'],
      rows: ncuMetrics.map((row) => [...row]),
    },
    write: ({ names, rows }) => {
      const line = ([name = '', unit = '', value = '']: readonly string[]) =>
        `    ${name.padEnd(27)} ${unit.padStart(11)} ${value.padStart(12)}\n`;
      const dashes = line(['-'.repeat(27), '-'.repeat(11), '-'.repeat(12)]);
      return `[1] p@h\n  k (152, 4, 1)x(128, 1, 1), Context 1, Stream 7, Device 0, CC 12.0\n    Section: GPU Speed Of Light Throughput\n${dashes}${line(names)}${dashes}${rows.map(line).join('')}${dashes}\n`;
    },
  },
  {
    kind: 'nsys-gpu-trace',
    table: {
      names: ['Start (ns)', 'Duration (ns)', 'CorrId', 'GrdX', 'Bytes (MB)', 'Device', 'Ctx', 'Strm', 'Name'],
      rows: rowsOf((index) => [
        String(1e6 + 1000 * index),
        '900',
        String(index),
        '8',
        '',
        'A100 (0)',
        '1',
        '7',
        'gemm',
      ]),
    },
    write: csv(),
  },
  {
    kind: 'dcgmi-dmon',
    table: {
      names: ['Entity', 'GPUTL', 'MCUTL', 'POWER', 'FBUSD', 'FBTTL', 'GRACT', 'SMACT', 'TENSO', 'DRAMA'],
      rows: rowsOf(() => ['GPU 0', '97', '44', '310.5', '21000', '40960', '0.97', '0.91', '0.45', '0.61']),
    },
    write: ({ names, rows }) => `#${names.join('  ')}\nID\n${rows.map((row) => `${row.join('  ')}\n`).join('')}`,
  },
  {
    kind: 'nsys-kernel-csv',
    table: {
      names: ['Time (%)', 'Total Time (ns)', 'Instances', 'Avg (ns)', 'Med (ns)', 'Name'],
      rows: rowsOf(() => ['2.5', '3290350', '1000', '3290.3', '3712.0', 'gemm'], 1),
    },
    write: csv(),
  },
  {
    kind: 'nsys-stats-text',
    table: {
      names: ['Time (%)', 'Total Time (ns)', 'Instances', 'Med (ns)', 'Name'],
      rows: rowsOf(() => ['100.0', '3,290,350', '1,000', '3,712.0', 'gemm'], 1),
    },
    write: ({ names, rows }) => {
      const width = (column: number) => Math.max(...[names, ...rows].map((row) => (row[column] ?? '').length), 1);
      const line = (row: readonly string[]) => row.map((cell, column) => cell.padStart(width(column))).join('  ');
      return `[6/8] Executing 'cuda_gpu_kern_sum' stats report\n\n ${line(names)}\n ${names.map((_, column) => '-'.repeat(width(column))).join('  ')}\n${rows.map((row) => ` ${line(row)}\n`).join('')}\n`;
    },
  },
  {
    kind: 'prometheus',
    form: 'JSON',
    table: {
      names: ['__name__', 'gpu', 'instance', 'at', 'value'],
      rows: rowsOf((index) => ['DCGM_FI_DEV_GPU_UTIL', '0', 'a:9400', String(START / 1000 + 15 * index), '97']),
    },
    write: ({ names, rows }) => {
      const series = rows.map((row) => {
        const { at: moment, value, ...metric } = json(names, row);
        return { metric, values: [[moment ?? null, value ?? null]] };
      });
      return JSON.stringify({ status: 'success', data: { resultType: 'matrix', result: series } });
    },
  },
  {
    kind: 'prometheus',
    form: 'CSV',
    table: {
      names: ['__name__', 'gpu', 'timestamp', 'value'],
      rows: rowsOf((index) => ['DCGM_FI_DEV_GPU_UTIL', '0', at(index, 15), '97']),
    },
    times: ['timestamp'],
    write: csv(),
  },
  {
    kind: 'prometheus',
    form: 'CSV that its file names',
    path: 'exports/GPU_UTIL.csv',
    table: { names: ['instance', 'timestamp', 'value'], rows: rowsOf((index) => ['a:9400', at(index, 15), '97']) },
    times: ['timestamp'],
    write: csv(),
  },
  { kind: 'sacct', form: 'with a header', table: sacct, times: ['Submit', 'Start', 'End'], write: csv('|') },
  {
    kind: 'sacct',
    form: 'without a header',
    table: sacct,
    times: ['Submit', 'Start', 'End'],
    write: ({ rows }) => `${rows.map((row) => row.join('|')).join('\n')}\n`,
  },
  {
    kind: 'pod-list',
    table: {
      names: ['name', 'created', 'gpus', 'phase', 'scheduled', 'finished'],
      rows: rowsOf((index) => [
        `p${index}`,
        `${at(10_000 * index)}Z`,
        '2',
        'Succeeded',
        `${at(10_000 * index + 30)}Z`,
        `${at(10_000 * index + 3630)}Z`,
      ]),
    },
    write: ({ names, rows }) =>
      JSON.stringify({
        kind: 'List',
        items: rows.map((row) => {
          const { name, created, gpus, phase, scheduled, finished } = json(names, row);
          return {
            metadata: { name: name ?? 'p', creationTimestamp: created ?? undefined },
            spec: {
              containers: [{ resources: { limits: gpus === undefined ? undefined : { 'nvidia.com/gpu': gpus } } }],
            },
            status: {
              phase: phase ?? undefined,
              conditions:
                scheduled === undefined
                  ? undefined
                  : [{ type: 'PodScheduled', status: 'True', lastTransitionTime: scheduled }],
              containerStatuses: [{ state: { terminated: { finishedAt: finished } } }],
            },
          };
        }),
      }),
  },
  {
    kind: 'pod-csv',
    table: {
      names: ['name', 'num_gpu', 'gpu_milli', 'pod_phase', 'creation_time', 'deletion_time', 'scheduled_time'],
      rows: rowsOf((index) => [
        `p${index}`,
        '2',
        '1000',
        'Succeeded',
        String(10_000 * index + 1),
        String(10_000 * index + 3631),
        String(10_000 * index + 31),
      ]),
    },
    write: csv(),
  },
  {
    kind: 'node-csv',
    table: {
      names: ['sn', 'cpu_milli', 'memory_mib', 'gpu', 'model'],
      rows: rowsOf((index) => [`n${index}`, '1', '1', '8', 'A100'], 1),
    },
    write: csv(),
  },
  {
    kind: 'iterations',
    table: {
      names: ['worker', 'gpu', 'time', 'batch_time_norm'],
      rows: rowsOf(
        (index) => [`w${index % 4}`, '20', String(index - (index % 4)), index % 4 === 3 ? '150' : '100'],
        160,
      ),
    },
    write: csv(),
  },
  {
    kind: 'variation',
    table: { names: ['', '0', '1', '2', '3'], rows: rowsOf(() => ['j', '0.05', '0.05', '0.05', '0.05']) },
    write: csv(),
  },
  {
    kind: 'cluster-summary',
    table: {
      names: [
        'id',
        'job_num',
        'gpu_job_num',
        'avg_que_time_gpu',
        'complete_gpu_time',
        'cancel_gpu_time',
        'fail_gpu_time',
      ],
      rows: [['Seren', '10', '8', '400.5', '100', '200', '50']],
    },
    write: csv(),
  },
  {
    kind: 'cluster-jobs',
    table: {
      names: ['job_id', 'gpu_num', 'state', 'submit_time', 'start_time', 'end_time', 'duration'],
      rows: rowsOf((job) => [
        `j${job}`,
        '2',
        job % 2 === 0 ? 'COMPLETED' : 'FAILED',
        at(10_000 * job),
        at(10_000 * job + 30),
        at(10_000 * job + 3630),
        '3600',
      ]),
    },
    times: ['submit_time', 'start_time', 'end_time'],
    write: csv(),
  },
  {
    kind: 'philly-util',
    table: {
      names: ['time', 'machineId', 'gpu0_util'],
      rows: rowsOf((index) => [at(index, 60), 'm29', '97.5']),
    },
    times: ['time'],
    write: csv(),
  },
  {
    kind: 'philly-machines',
    table: { names: ['machineId', 'number of GPUs', 'single GPU mem'], rows: [['m31', '8', '24GB']] },
    write: csv(),
  },
  {
    kind: 'philly-jobs',
    table: {
      names: ['jobid', 'status', 'submitted_time', 'start_time', 'end_time', 'detail'],
      rows: rowsOf((job) => [
        `j${job}`,
        job % 2 === 0 ? 'Pass' : 'Failed',
        at(10_000 * job),
        at(10_000 * job + 30),
        at(10_000 * job + 3630),
        'gpus',
      ]),
    },
    times: ['submitted_time', 'start_time', 'end_time'],
    write: ({ names, rows }) =>
      JSON.stringify(
        rows.map((row) => {
          const { start_time, end_time, detail, ...job } = json(names, row);
          const gpus = detail === 'gpus' ? [{ ip: 'm', gpus: ['gpu0', 'gpu1'] }] : undefined;
          return { ...job, attempts: [{ start_time, end_time, detail: gpus }] };
        }),
      ),
  },
  {
    kind: 'utilisation-cdf',
    table: {
      names: ['source_pkl', 'metric', 'percentile', 'value'],
      rows: rowsOf((index) => ['seren', 'gpu_util_pct', String(index), '97.5']),
    },
    write: csv(),
  },
  {
    kind: 'nccl-tests',
    table: {
      names: ['size', 'count', 'type', 'redop', 'time', 'algbw', 'busbw', '#wrong', 'time', 'algbw', 'busbw', '#wrong'],
      rows: rowsOf(
        () => [
          '268435456',
          '67108864',
          'float',
          'sum',
          '2112.3',
          '127.09',
          '222.40',
          '0',
          '2112.3',
          '127.09',
          '222.40',
          '0',
        ],
        4,
      ),
    },
    write: ({ names, rows }) =>
      `# nThread 1 nGpus 8 minBytes 1\n#   Rank  0 Pid 1 on localhost device  0 [0x00] A100-SXM4-40GB\n#  ${names.join(' ')}\n${rows.map((row) => ` ${row.join('  ')}\n`).join('')}`,
  },
  {
    kind: 'megatron-log',
    table: {
      names: ['elapsed time per iteration (ms)', 'global batch size'],
      rows: rowsOf(() => ['76015.3', '2048']),
    },
    write: ({ names, rows }) =>
      ` setting training iterations to 40\n${rows.map((row, index) => ` iteration ${index + 1}/ 40 | ${row.map((cell, column) => `${names[column]}: ${cell}`).join(' | ')} |\n`).join('')}`,
  },
];
