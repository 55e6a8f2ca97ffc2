import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { kernelVerdict } from '../../src/gpu/analysis/ncu-verdict.ts';
import { jobFacts, podFacts } from '../../src/gpu/analysis/occupancy.ts';
import { findStragglers } from '../../src/gpu/analysis/stragglers.ts';
import { utilisationOf } from '../../src/gpu/analysis/utilisation.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import { parseIterations } from '../../src/gpu/readers/cluster.ts';
import { csvFields, printedNumber } from '../../src/gpu/readers/csv.ts';
import { parseDcgm } from '../../src/gpu/readers/dcgm.ts';
import { parseDmon } from '../../src/gpu/readers/dmon.ts';
import { fileKindOf } from '../../src/gpu/readers/format.ts';
import { parseKernelSums } from '../../src/gpu/readers/kernel-sums.ts';
import { parseNcclTests } from '../../src/gpu/readers/nccl-tests.ts';
import { parseNcu, usesDecimalComma } from '../../src/gpu/readers/ncu.ts';
import { parseText } from '../../src/gpu/readers/parse-text.ts';
import { parsePmon } from '../../src/gpu/readers/pmon.ts';
import { parseNodeCsv, parsePodCsv, parsePodList } from '../../src/gpu/readers/pods.ts';
import { parseQueryGpu } from '../../src/gpu/readers/query-gpu.ts';
import { readSource } from '../../src/gpu/readers/read-source.ts';
import { gpusOf, parseSacct } from '../../src/gpu/readers/sacct.ts';
import { elapsedSeconds } from '../../src/gpu/readers/sacct-columns.ts';
import { hasSharedData, sharedText, whySkipped } from './shared-data.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-gpu-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

test('numbers are read as tools print them, in both locales; what is missing is NaN', () => {
  expect(printedNumber('1,275,068,416')).toBe(1_275_068_416);
  expect(printedNumber('1.234,56', true)).toBe(1234.56);
  expect(printedNumber(' 33.09 W')).toBe(33.09);
  for (const text of ['-', 'n/a', '[N/A]', '[Not Supported]', 'ERR!', '', undefined])
    expect(printedNumber(text)).toBeNaN();
  expect(csvFields('"a, ""b""",2,"c')).toEqual(['a, "b"', '2', 'c']);
});

test('dmon: columns are found by the last header, of any age; dashes are missing values', () => {
  const old =
    '# gpu   pwr  temp    sm   mem   enc   dec  mclk  pclk\n# Idx     W     C     %     %     %     %   MHz   MHz\n    0    43    35     -     7     0     0  2505  1075\n';
  const [series] = parseDmon(old);
  expect(series.util[0]).toBeNaN();
  expect([series.powerW[0], series.memoryController[0], series.clockMhz[0]]).toEqual([43, 7, 1075]);
  const mixed = `${old}\n# gpu   pwr gtemp mtemp    sm   mem   enc   dec   jpg   ofa  mclk  pclk\n    1    50    35    40    88     9     0     0     0     0  2505  1980\n`;
  expect(parseDmon(mixed).map(({ gpu, util }) => [gpu, util.at(-1)])).toContainEqual(['1', 88]);
  const gpm = parseDmon('#Date Time gpu smutil mmaact dram\n 20240104 13:54:35 0 80 45 61\n');
  expect([gpm[0].smActive[0], gpm[0].tensorActive[0], gpm[0].dramActive[0]]).toEqual([0.8, 0.45, 0.61]);
});

test('pmon: processes by GPU', () => {
  const text =
    '# gpu         pid   type     sm    mem    enc    dec    jpg    ofa    command \n# Idx           #    C/G      %      %      %      %      %      %    name \n    0       4021     C     88     30      -      -      -      -    python\n    1          -     -      -      -      -      -      -      -    -\n';
  expect(parsePmon(text)).toMatchObject([
    { gpu: '0', processes: [{ pid: '4021', sm: 88, command: 'python' }] },
    { gpu: '1', processes: [] },
  ]);
});

test('pmon: samples are distinguished by time, or where a process comes again; a name may hold spaces', () => {
  const header = '# gpu pid type sm mem enc dec command\n# Idx # C/G % % % % name\n';
  const line = (gpu: number, pid: string) => ` ${gpu} ${pid} C 50 10 - - my train\n`;
  const rounds = parsePmon(
    `${header}${line(0, '1')}${line(0, '2')}${line(1, '3')}${header}${line(0, '2')}${line(0, '1')} 1 - - - - - - -\n`,
  );
  expect(rounds.map(({ gpu, processes }) => [gpu, processes.map(({ pid }) => pid)])).toEqual([
    ['0', ['1', '2']],
    ['1', ['3']],
    ['0', ['2', '1']],
    ['1', []],
  ]);
  expect(rounds[0]?.processes[0]?.command).toBe('my train');
  const timed = '#Date Time gpu pid type sm mem enc dec fb command\n';
  const at = (second: number, pid: string) => ` 20260105 09:00:0${second} 0 ${pid} C - 0 - - 900 python\n`;
  const told = parsePmon(`${timed}${at(0, '1')}${at(0, '2')}${at(1, '3')}`);
  expect(told.map(({ timeMs, processes }) => [timeMs, processes.length])).toEqual([
    [Date.UTC(2026, 0, 5, 9, 0, 0), 2],
    [Date.UTC(2026, 0, 5, 9, 0, 1), 1],
  ]);
  expect(fileKindOf(new TextEncoder().encode(timed))).toBe('pmon');
  expect(() => parsePmon(`${header}nonsense\n`)).toThrow(/no line has the columns/);
});

test('a share that no counter can say is no value', () => {
  const [series] = parseDmon('# gpu pwr sm mem\n 0 50 1000000000 -3\n 0 50 100 7\n');
  expect(series.util).toEqual([Number.NaN, 100]);
  expect(series.memoryController).toEqual([Number.NaN, 7]);
  const [round] = parsePmon('# gpu pid type sm mem command\n 0 1 C 300 10 python\n');
  expect(round?.processes[0]?.sm).toBeNaN();
});

test('jobs whose GPU-hours add up to nothing are no finding', () => {
  const row = (id: number) => `${id}|FAILED|0:0|2026-01-01T00:00:00|2025-01-01T00:00:00|-500|gres/gpu=4|x|y`;
  const text = `JobID|State|ExitCode|Start|End|ElapsedRaw|AllocTRES|Eligible|JobName\n${Array.from({ length: 12 }, (_, id) => row(id)).join('\n')}\n`;
  const { findings } = diagnose([parseText('sacct', 'jobs.psv', text)]);
  expect(findings).toEqual([]);
});

test('query-gpu: rows of one moment without an index are different GPUs; the last sample stands for no time', () => {
  const rows = [
    'timestamp, utilization.gpu [%]',
    '2024/01/16 14:44:16.977, 10 %',
    '2024/01/16 14:44:16.981, 20 %',
    '2024/01/16 14:44:17.977, 30 %',
    '2024/01/16 14:44:17.981, [N/A]',
  ];
  expect(parseQueryGpu(`${rows.join('\n')}\n`).map(({ util }) => util)).toEqual([
    [10, 30],
    [20, Number.NaN],
  ]);
  const weighted = utilisationOf(
    parseQueryGpu('timestamp,index,utilization.gpu\n1000000000,0,100\n1000000001,0,0\n1000000004,0,50\n'),
  );
  expect(weighted.mean).toBe(25);
});

test('dcgm: blanks are left out, a MIG instance stays apart from its GPU', () => {
  const devices = parseDcgm(
    '# HELP x\nDCGM_FI_DEV_GPU_UTIL{gpu="0"} 9223372036854775794\nDCGM_FI_PROF_DRAM_ACTIVE{gpu="0",pod="a,b"} 0.5\nDCGM_FI_PROF_DRAM_ACTIVE{gpu="0",GPU_I_PROFILE="1g.5gb",GPU_I_ID="3"} 0.9\n',
  );
  expect(devices.map(({ migProfile, fields }) => [migProfile, [...fields]])).toEqual([
    [undefined, [['DCGM_FI_PROF_DRAM_ACTIVE', 0.5]]],
    ['1g.5gb', [['DCGM_FI_PROF_DRAM_ACTIVE', 0.9]]],
  ]);
});

test('sacct: steps repeat their job and are not counted; typed GPUs count where no untyped number is', () => {
  expect(gpusOf('cpu=8,gres/gpu=2,gres/gpu:h200=2')).toBe(2);
  expect(gpusOf('gres/gpu:a100=4,gres/gpu:t4=1')).toBe(5);
  expect([elapsedSeconds('1-02:03:04'), elapsedSeconds('00:14.330')]).toEqual([93_784, 14.33]);
  const text =
    'JobID|State|ElapsedRaw|AllocTRES|JobName\n7|CANCELLED by 5|3600|gres/gpu=8|a|b\n7.batch|CANCELLED|3600|gres/gpu=8|\n';
  expect(parseSacct(text)).toMatchObject([{ id: '7', state: 'CANCELLED', gpus: 8, gpuHours: 8 }]);
});

test('pods: a kubectl list gives requests, times and phase', () => {
  const pod = {
    kind: 'Pod',
    metadata: { name: 'p', creationTimestamp: '2024-01-01T00:00:00Z' },
    spec: { containers: [{ resources: { limits: { 'nvidia.com/gpu': '2', cpu: '4' } } }] },
    status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False' }] },
  };
  const [record] = parsePodList(JSON.stringify({ kind: 'List', items: [pod, { kind: 'Junk' }] }));
  expect(record).toMatchObject({ name: 'p', gpus: 2, phase: 'Pending', scheduledMs: Number.NaN });
  expect(() => parsePodList('{')).toThrow(expect.objectContaining({ code: 'GPU_DAMAGED' }));
});

test('occupancy is from a sweep over times, not from the last phase', () => {
  const csv =
    'name,num_gpu,gpu_milli,pod_phase,creation_time,deletion_time,scheduled_time\na,1,1000,Running,0,10,0\nb,1,500,Running,10,20,10\nc,8,1000,Pending,5,9,\n';
  const nodes = parseNodeCsv('sn,cpu_milli,memory_mib,gpu,model\nn,1,1,8,A\n');
  expect(podFacts(parsePodCsv(csv), nodes)).toMatchObject({
    mostGpus: 1,
    neverScheduled: 1,
    waitedWhileFree: 0,
    meanGpus: 0.75,
  });
});

test('Nsight Compute: application output before the header, several kernels, both locales, rows shorter than the header', () => {
  const header =
    '"ID","Process ID","Process Name","Host Name","Kernel Name","Context","Stream","Block Size","Grid Size","Device","CC","Section Name","Metric Name","Metric Unit","Metric Value","Rule Name","Rule Type","Rule Description","Estimated Speedup Type","Estimated Speedup"';
  const row = (id: number, metric: string, unit: string, value: string) =>
    `"${id}","1","p","h","k${id}","1","7","(128, 1, 1)","(152, 4, 1)","0","12.0","GPU Speed Of Light Throughput","${metric}","${unit}","${value}",`;
  const kernels = parseNcu(
    [
      '==PROF== Connected',
      '1 2 3',
      header,
      row(0, 'Compute (SM) Throughput', '%', '41,49'),
      row(0, 'Memory Throughput', '%', '61,83'),
      row(0, 'L2 Cache Throughput', '%', '61,83'),
      row(0, 'Duration', 'us', '1.234,50'),
      row(1, 'Memory Throughput', '%', 'n/a'),
      '',
    ].join('\n'),
  );
  expect(kernels.map(({ id, gridBlocks, blockThreads }) => [id, gridBlocks, blockThreads])).toEqual([
    ['0', 608, 128],
    ['1', 608, 128],
  ]);
  expect(kernelVerdict(kernels[0])).toMatchObject({ verdict: 'memory', memoryLevel: 'L2', durationNs: 1_234_500 });
  expect([usesDecimalComma(['1.234,56']), usesDecimalComma(['1,234.56']), usesDecimalComma(['12'])]).toEqual([
    true,
    false,
    false,
  ]);
});

test('files are distinguished by content: gzip without suffix, wrong names, refusals', async () => {
  const trace = '{"traceEvents": [{"ph":"X","cat":"kernel","name":"k","pid":0,"tid":7,"ts":1,"dur":2}]}';
  expect((await readSource(file('dmon.txt', gzipSync(trace)))).kind).toBe('trace');
  expect((await readSource(file('trace.json', '# gpu    sm   mem\n    0    1    2\n'))).kind).toBe('samples');
  await expect(readSource(file('rep.json', 'NVIDIA Tegra Profiler Report\n\0'))).rejects.toMatchObject({
    code: 'GPU_BINARY_REPORT',
  });
  await expect(readSource(file('novel.txt', 'It was a dark and stormy night.'))).rejects.toMatchObject({
    code: 'GPU_FORMAT',
  });
  await expect(readSource(file('empty', ''))).rejects.toMatchObject({ code: 'GPU_FILE' });
  const dmon = `# gpu pwr sm\n${' 0 50 90\n'.repeat(40)}`;
  const wide = (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le');
  await expect(readSource(file('wide.txt', wide(dmon)))).resolves.toMatchObject({ kind: 'samples' });
  await expect(readSource(file('wide.json', wide('{"traceEvents": []}')))).rejects.toMatchObject({
    code: 'GPU_DAMAGED',
  });
  await expect(readSource(join(folder, 'absent'))).rejects.toMatchObject({ code: 'GPU_FILE' });
  await expect(readSource(folder)).rejects.toMatchObject({ code: 'GPU_FILE' });
  await expect(readSource(file('db', 'SQLite format 3\0garbage'))).rejects.toMatchObject({ code: 'GPU_DAMAGED' });
});

test('a gzip bomb is refused', async () => {
  const bomb = gzipSync(Buffer.concat([Buffer.from('{"traceEvents": ['), Buffer.alloc(300 * 2 ** 20, 0x20)]));
  await expect(readSource(file('bomb', bomb))).rejects.toMatchObject({ code: 'GPU_FILE_TOO_LARGE' });
});

test('a packed file that is cut off or damaged is refused; an unpacked trace that is cut off gives what came before', async () => {
  const events = Array.from(
    { length: 3_000 },
    (_, at) => `{"ph":"X","cat":"kernel","name":"k${(at * 7919) % 997}","pid":0,"tid":7,"ts":${at},"dur":1}`,
  );
  const trace = `{"traceEvents": [${events.join(',')}]}`;
  const dmon = `# gpu pwr sm\n${Array.from({ length: 6_000 }, (_, at) => ` 0 ${(at * 7919) % 300} ${(at * 104_729) % 100}\n`).join('')}`;
  for (const text of [trace, dmon]) {
    const whole = gzipSync(text);
    expect((await readSource(file('whole.gz', whole))).kind).toBe(text === trace ? 'trace' : 'samples');
    const damaged = Uint8Array.from(whole);
    damaged.fill(0xff, whole.length >> 1, (whole.length >> 1) + 100);
    const cuts = [whole.length >> 1, whole.length - 30, whole.length - 1].map((end) => whole.subarray(0, end));
    for (const bytes of [...cuts, damaged, Buffer.concat([whole, Buffer.from('x')])])
      await expect(readSource(file('cut.gz', bytes))).rejects.toMatchObject({ code: 'FILE_DAMAGED' });
  }
  const source = await readSource(file('cut.json', trace.slice(0, trace.length >> 1)));
  if (source.kind !== 'trace') throw new Error('no trace');
  expect(source.trace.gpu.length).toBeGreaterThan(1_000);
  expect(source.trace.faults.map(({ what }) => what)).toContain('truncated');
});

test('what could never end is not opened: sockets, devices, folders', async () => {
  const socket = join(folder, 'socket');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  for (const path of [socket, '/dev/zero', '/dev/urandom', folder])
    await expect(readSource(path)).rejects.toMatchObject({ code: 'GPU_FILE' });
  server.close();
});

test('an nsys export joins launches within a process, and views in it are not run', async () => {
  const path = join(folder, 'x.sqlite');
  const database = new DatabaseSync(path);
  database.exec(`create table StringIds (id integer, value text); insert into StringIds values (1, 'k'), (2, 'cudaLaunchKernel_v7000');
    create table CUPTI_ACTIVITY_KIND_KERNEL (start integer, "end" integer, deviceId integer, streamId integer, correlationId integer, demangledName integer, globalPid integer);
    insert into CUPTI_ACTIVITY_KIND_KERNEL values (5000, 9000, 0, 7, 1, 1, 16777216), (11000, 12000, 0, 7, 1, 1, 33554432);
    create table CUPTI_ACTIVITY_KIND_RUNTIME (start integer, "end" integer, correlationId integer, nameId integer, globalTid integer);
    insert into CUPTI_ACTIVITY_KIND_RUNTIME values (1000, 2000, 1, 2, 16777217), (10000, 10500, 1, 2, 33554433);
    create view CUPTI_ACTIVITY_KIND_MEMCPY as with recursive n(i) as (select 1 union all select i + 1 from n) select i as start, i as "end" from n;
    create table TARGET_INFO_SYSTEM_ENV (name text, value text); insert into TARGET_INFO_SYSTEM_ENV values ('TOKEN', 'hunter2');`);
  database.close();
  const source = await readSource(path);
  if (source.kind !== 'trace') throw new Error('no trace');
  const { gpu, host, names } = source.trace;
  expect([gpu.length, host.length]).toEqual([2, 2]);
  expect(gpu.correlation[0]).toBe(host.link[0]);
  expect(gpu.correlation[1]).toBe(host.link[1]);
  expect(gpu.correlation[0]).not.toBe(gpu.correlation[1]);
  expect(names.text(host.name[0])).toBe('cudaLaunchKernel');
  expect([gpu.ts[0], gpu.dur[0]]).toEqual([5, 4]);
});

describe.skipIf(!hasSharedData)(`recorded counters and records${whySkipped}`, () => {
  test('the log of a 4090 is weighted by time: 82.49 %, 86 holes, the longest 7.3 s', () => {
    const use = utilisationOf(parseQueryGpu(sharedText('smi/vlm_gpu_log.csv.gz')));
    expect(use.mean).toBeCloseTo(82.49, 2);
    expect(use.sampleMean).toBeCloseTo(82.99, 2);
    expect([use.samples, use.median, use.holes, use.longestHoleMs]).toEqual([2619, 90, 86, 7311]);
  });

  test('sixty-second samples: 90 rows, 60 to 61 s apart, 96 at most', () => {
    const [series] = parseQueryGpu(sharedText('smi/rpf_gpu_usage_60s_epoch.csv'));
    expect([series.util.length, Math.max(...series.util)]).toEqual([90, 96]);
    const use = utilisationOf([series]);
    expect(use.intervalMs).toBe(60_000);
    expect(use.sampleMean * 90).toBeCloseTo(59.7 * 87, -2);
  });

  test('the lists of the scheduler give GPU-hours of jobs, queue times, and GPUs in use at once', () => {
    expect(jobFacts(parseSacct(sharedText('cluster/sacct_gpu_job_with_steps.psv'))).gpuHours).toBeCloseTo(0.9386, 4);
    const pods = podFacts(
      parsePodCsv(sharedText('cluster/alibaba_v2023_openb_pod_list_default.csv.gz')),
      parseNodeCsv(sharedText('cluster/alibaba_v2023_openb_node_list_all_node.csv.gz')),
    );
    expect(pods).toMatchObject({
      pods: 8152,
      totalGpus: 6212,
      neverScheduled: 897,
      neverScheduledWithGpu: 861,
      neverScheduledFraction: 505,
      medianLifeOfNeverScheduledS: 94,
      scheduled: 7255,
      queueMedianS: 2,
      queueP90S: 106,
      queueMaxS: 14_330,
      spanS: 12_902_960,
    });
    expect(pods.mostGpus).toBeCloseTo(65.59, 2);
    expect(pods.meanGpus).toBeCloseTo(14.36, 2);
  });

  test('stragglers: none in job 2, workers 6 to 9 for a while in job 3, half of the workers in job 4', () => {
    const of = (job: number) =>
      findStragglers(parseIterations(sharedText(`cluster/alibaba_v2020_minibatch_job_${job}_norm.csv.gz`)));
    expect(of(2).slow).toEqual([]);
    const third = of(3);
    // The most expensive first.
    expect(third.slow.map(({ worker, kind }) => [worker, kind])).toEqual(
      ['7', '6', '8', '9'].map((worker) => [worker, 'episodic']),
    );
    expect(third.slow[0].ratioWhileSlow).toBeCloseTo(1.19, 1);
    const fourth = of(4);
    expect(fourth.reference).toBe('fast group');
    expect(fourth.slow.map(({ worker }) => worker)).toEqual(['5', '6', '7', '8', '0']);
    for (const { ratio } of fourth.slow) expect(ratio).toSatisfy((value: number) => value > 3.1 && value < 4.5);
  });

  test('nccl-tests: busbw at 256 MiB and on average', () => {
    const told = {
      allreduce: [222.4, 68.4],
      allgather: [197.01, 58.27],
      alltoall: [197.53, 58.65],
      broadcast: [211.11, 64.87],
      reduce: [214.52, 65.02],
      reducescatter: [211.84, 60.17],
    };
    for (const [operation, [at, average]] of Object.entries(told)) {
      const log = parseNcclTests(sharedText(`nccl/superbench_nccl_${operation}.log`));
      expect(log.rows.find(({ sizeBytes }) => sizeBytes === 2 ** 28)?.busbw).toBe(at);
      expect(log.averageBusbw).toBeCloseTo(average, 2);
      expect(log.ranks).toBe(8);
    }
  });

  test('sums of kernels: 113 names, 4,946.1 ms, 1,695,983 launches', () => {
    const kernels = parseKernelSums(sharedText('nsys/dsocr_rtx5090_cuda_gpu_kern_sum.csv'));
    expect(kernels).toHaveLength(113);
    expect(kernels.reduce((sum, { totalNs }) => sum + totalNs, 0) / 1e6).toBeCloseTo(4946.1, 1);
    expect(kernels.reduce((sum, { instances }) => sum + instances, 0)).toBe(1_695_983);
  });

  test('Nsight Compute of a B200: latency, waves 1.89, and the local estimate is distinguished', () => {
    const [kernel] = parseNcu(sharedText('ncu/superbench_cublaslt_b200_ncu_details.log'));
    expect(kernelVerdict(kernel)).toMatchObject({
      verdict: 'latency',
      smPercent: 23.59,
      memoryPercent: 21.68,
      dramPercent: 0.74,
      waves: 1.89,
      durationNs: 406_240,
    });
    expect(kernel.rules.find(({ name }) => name === 'TheoreticalOccupancy')).toMatchObject({
      speedUpType: 'local',
      speedUpPercent: 81.25,
    });
  });
});

test('Philly: utilisation by machine and GPU, offline is missing; GPU time of a job is that of all its attempts', () => {
  const util = parseText(
    'philly-util',
    'x',
    'time,machineId,gpu0_util,gpu1_util,gpu2_util\n2017-10-03 00:08:00 PDT,m29,60.8,99.366666667,NA,\n2017-10-03 00:09:00 PDT,m29,0.0,100.0,NA,\n2017-10-03 00:08:00 PDT,m30,10.5,NA,NA,\n',
  );
  if (util.kind !== 'samples') throw new Error('no samples');
  expect(util.series.map(({ gpu, util: values }) => [gpu, values])).toEqual([
    ['m29/gpu0', [60.8, 0]],
    ['m29/gpu1', [99.366666667, 100]],
    ['m30/gpu0', [10.5]],
  ]);
  expect(util.series[0]?.timesMs).toEqual([Date.UTC(2017, 9, 3, 0, 8), Date.UTC(2017, 9, 3, 0, 9)]);
  const attempt = (start: string, end: string | null, gpus: number) => ({
    start_time: start,
    end_time: end,
    detail: [{ ip: 'm47', gpus: Array.from({ length: gpus }, (_, at) => `gpu${at}`) }],
  });
  const jobs = parseText(
    'philly-jobs',
    'x',
    JSON.stringify([
      {
        status: 'Pass',
        vc: 'v',
        jobid: 'application_1',
        attempts: [
          attempt('2017-10-07 01:00:00', '2017-10-07 02:00:00', 8),
          attempt('2017-10-07 03:00:00', '2017-10-07 05:00:00', 8),
        ],
        submitted_time: '2017-10-07 00:59:00',
        user: 'u',
      },
      { status: 'Killed', vc: 'v', jobid: 'b', attempts: [], submitted_time: '2017-10-07 00:59:00', user: 'u' },
      {
        status: 'Failed',
        vc: 'v',
        jobid: 'c',
        attempts: [attempt('2017-10-07 01:00:00', null, 1)],
        submitted_time: 'None',
        user: 'u',
      },
      { jobid: 7 },
    ]),
  );
  if (jobs.kind !== 'jobs') throw new Error('no jobs');
  expect(jobs.jobs).toMatchObject([
    { id: 'application_1', state: 'COMPLETED', gpus: 8, gpuHours: 24, seconds: 10_800 },
    { id: 'b', state: 'CANCELLED', gpus: 0, gpuHours: 0 },
    { id: 'c', state: 'FAILED', gpus: 1, gpuHours: Number.NaN, endMs: Number.NaN },
  ]);
  expect(jobs.jobs[0]?.eligibleMs).toBe(Date.UTC(2017, 9, 7, 0, 59));
  expect(parseText('philly-machines', 'x', 'machineId, number of GPUs, single GPU mem\nm31,8, 24GB\n')).toMatchObject({
    nodes: [{ name: 'm31', gpus: 8 }],
  });
});

test('Acme and Helios: a job a row, times with their zone', () => {
  const text =
    'job_id,user,node_num,gpu_num,cpu_num,type,state,submit_time,start_time,end_time,duration,queue,gpu_time\nj1,u,8,64,960,Pretrain,CANCELLED,2023-05-17 11:00:00+08:00,2023-05-17 11:00:10+08:00,2023-05-17 12:00:10+08:00,3600,10,230400\nj2,u,1,0,4,Other,COMPLETED,2023-05-17 11:00:00+08:00,,,5,1,0\n';
  expect(fileKindOf(new TextEncoder().encode(text))).toBe('cluster-jobs');
  const source = parseText('cluster-jobs', 'x', text);
  if (source.kind !== 'jobs') throw new Error('no jobs');
  expect(source.jobs[0]).toMatchObject({
    state: 'CANCELLED',
    gpus: 64,
    gpuHours: 64,
    startMs: Date.UTC(2023, 4, 17, 3, 0, 10),
  });
  expect(source.jobs[1]).toMatchObject({ gpus: 0, gpuHours: 0 });
  expect(jobFacts(source.jobs)).toMatchObject({ gpuHours: 64, lostHours: 64, queueMedianS: 10 });
});

test('what Philly writes is reported by content', () => {
  const kind = (text: string) => fileKindOf(new TextEncoder().encode(text));
  expect(kind('time,machineId,gpu0_util,gpu1_util\n')).toBe('philly-util');
  expect(kind('machineId, number of GPUs, single GPU mem\nm31,8, 24GB\n')).toBe('philly-machines');
  expect(kind('[\n {\n  "status": "Pass", "attempts": [], "submitted_time": "None"}]')).toBe('philly-jobs');
  expect(kind('[{"ph": "X", "name": "attempts", "ts": 1}]')).toBe('trace');
});
