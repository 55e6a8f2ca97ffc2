import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import type { Diagnosis } from '../../src/gpu/diagnosis.ts';
import type { Cause } from '../../src/gpu/finding.ts';
import { parseText } from '../../src/gpu/readers/parse-text.ts';
import { readSource } from '../../src/gpu/readers/read-source.ts';
import { captureJson } from '../../src/labs/captures/capture.ts';
import { type FaultKind, trainingRun } from '../../src/labs/captures/training-run.ts';
import { scanTrace } from './captures/scan-trace.ts';
import { hasSharedData, sharedNames, sharedPath, sharedTrace, whySkipped } from './shared-data.ts';

function run(fault: FaultKind, share: number, seed: number, ranks = 1): Diagnosis {
  const captures = trainingRun({
    fault,
    share,
    steps: 6,
    kernelsPerStep: 60,
    kernelUs: 80,
    ranks,
    random: seededRandom(seed),
  });
  return diagnose(
    captures.map((capture) => ({
      kind: 'trace',
      path: `rank-${capture.rank}.json`,
      trace: scanTrace(new TextEncoder().encode(captureJson(capture))),
    })),
  );
}

const made: readonly (readonly [FaultKind, Cause, number])[] = [
  ['data-pipeline', 'data-pipeline', 1],
  ['launch-overhead', 'launch-overhead', 1],
  ['hidden-sync', 'hidden-sync', 1],
  ['transfer', 'hidden-sync', 1],
  ['exposed-communication', 'multi-gpu', 2],
  ['straggler', 'multi-gpu', 3],
  ['precision', 'kernel-efficiency', 1],
  ['memory-bandwidth', 'kernel-efficiency', 1],
];

for (const [fault, cause, ranks] of made) {
  test(`a made-up run with ${fault} has the cause ${cause} first, with evidence, bound and disproof`, () => {
    const { findings, verdict } = run(fault, 0.35, 11, ranks);
    const [first] = findings;
    expect(verdict).toBe('findings');
    expect(first).toMatchObject({ cause, severity: 'warning' });
    expect(first.evidence.length).toBeGreaterThan(1);
    expect(first.ceiling).toBeGreaterThan(1.05);
    expect(first.disproof).not.toBe('');
    expect(first.shareOfStep).toBeLessThan(0.5);
  });
}

test('a healthy run has no finding, whatever the number of ranks', () => {
  for (const ranks of [1, 2, 4])
    expect(run('none', 0.3, ranks, ranks)).toMatchObject({ verdict: 'healthy', findings: [] });
});

test('a straggler is named by its rank', () => {
  const captures = trainingRun({
    fault: 'straggler',
    share: 0.3,
    steps: 6,
    kernelsPerStep: 60,
    kernelUs: 80,
    ranks: 4,
    random: seededRandom(3),
  });
  const longest = captures.map(
    ({ events }) => events.filter(({ cat, name }) => cat === 'kernel' && !name.startsWith('nccl')).length,
  );
  const late = longest.indexOf(Math.max(...longest));
  expect(run('straggler', 0.3, 3, 4).findings[0].scope.rank).toBe(late);
});

test('gains are not added: what remains never falls below the busy time, and each ceiling stands alone', () => {
  const { findings, traces } = run('data-pipeline', 0.4, 5);
  const [trace] = traces;
  const busyUs = (trace.decomposition.busyUs / trace.decomposition.totalUs) * trace.stepUs;
  for (const { remainingStepUs, cause } of findings)
    if (cause !== 'kernel-efficiency') expect(remainingStepUs ?? 0).toBeGreaterThanOrEqual(busyUs - 1);
});

const scoreboard: readonly (readonly [string, Cause | 'healthy' | 'not enough evidence'])[] = [
  ['kineto_resnet50_num_workers_0', 'data-pipeline'],
  ['kineto_resnet50_num_workers_4', 'launch-overhead'],
  ['tracelens_mi300_facebook_timesformer', 'data-pipeline'],
  ['tracelens_b200_eager', 'launch-overhead'],
  ['hta_nccl_parser', 'launch-overhead'],
  ['hta_df_index_resolver', 'launch-overhead'],
  ['hta_ns_resolution', 'kernel-efficiency'],
  ['tracelens_sglang_decode', 'not enough evidence'],
  ['tracelens_xdit', 'launch-overhead'],
  ['tracelens_vllm_decode', 'healthy'],
  ['tracelens_torch_compile_triton', 'healthy'],
  ['hta_critical_path_alexnet', 'not enough evidence'],
  ['tracelens_mi300_Falconsai', 'launch-overhead'],
  ['tracelens_mi300_gaunernst', 'launch-overhead'],
  ['tracelens_h100_gaunernst', 'launch-overhead'],
  ['tracelens_mi210_gpu_only', 'not enough evidence'],
  ['hta_triton_example', 'not enough evidence'],
  ['hta_trace_file_list', 'not enough evidence'],
  ['hta_rank_non_gpu', 'not enough evidence'],
  ['hta_rank_unavailable', 'not enough evidence'],
  ['hta_distributed_info_unavailable', 'not enough evidence'],
  ['hta_mtia', 'not enough evidence'],
];

describe.skipIf(!hasSharedData)(`recorded captures${whySkipped}`, () => {
  for (const [start, answer] of scoreboard) {
    test(`${start} is ${answer}`, async () => {
      const diagnosis = diagnose([{ kind: 'trace', path: start, trace: await sharedTrace(start) }]);
      if (answer === 'healthy' || answer === 'not enough evidence') {
        expect(diagnosis.verdict).toBe(answer);
        expect(diagnosis.findings.filter(({ severity }) => severity === 'warning')).toEqual([]);
      } else expect(diagnosis.findings[0].cause).toBe(answer);
    });
  }

  test('ns_resolution raises precision only', async () => {
    const { findings } = diagnose([{ kind: 'trace', path: 'x', trace: await sharedTrace('hta_ns_resolution') }]);
    expect(findings.map(({ cause }) => cause)).toEqual(['kernel-efficiency']);
  });

  test('df_index has communication that is never overlapped second', async () => {
    const { findings, traces } = diagnose([{ kind: 'trace', path: 'x', trace: await sharedTrace('hta_df_index') }]);
    expect(findings.map(({ cause }) => cause).slice(0, 2)).toEqual(['launch-overhead', 'multi-gpu']);
    expect(traces[0].decomposition.overlap).toBe(0);
  });

  test('timesformer: 68 % of the step passes before the first GPU event, though the GPU span is 1.2 % idle', async () => {
    const { findings, traces } = diagnose([
      { kind: 'trace', path: 'x', trace: await sharedTrace('tracelens_mi300_facebook') },
    ]);
    expect(traces[0].gpuSpan.idleUs / traces[0].gpuSpan.totalUs).toBeCloseTo(0.0117, 3);
    expect(findings[0].shareOfStep).toBeGreaterThan(0.67);
    expect(findings[0].ceiling).toBeCloseTo(3.17, 1);
  });

  test('num_workers 0 is charged to the loader of the training process', async () => {
    const { findings } = diagnose([
      { kind: 'trace', path: 'x', trace: await sharedTrace('kineto_resnet50_num_workers_0') },
    ]);
    expect(findings[0].ceiling).toBeCloseTo(1.5, 1);
    expect(JSON.stringify(findings[0].evidence)).toContain('_SingleProcessDataLoaderIter');
  });

  test('sampled ranks of a larger job are of low confidence', async () => {
    const traces = await Promise.all(
      ['hta_trace_filter_sampled_rank-0', 'hta_trace_filter_sampled_rank-1'].map(sharedTrace),
    );
    const { findings } = diagnose(traces.map((trace, rank) => ({ kind: 'trace', path: `r${rank}`, trace })));
    for (const { confidence } of findings) expect(confidence).toBe('low');
    expect(findings.some(({ cause }) => cause === 'multi-gpu')).toBe(true);
  });

  const answers: readonly (readonly [string, Diagnosis['verdict']])[] = [
    ['nsys/nsysai_healthy_1pct.sqlite.gz', 'healthy'],
    ['dcgm/dcgm_exporter_a100_mig.prom', 'healthy'],
    ['nccl/superbench_nccl_allreduce.log', 'healthy'],
    // No worker is late, and times of iterations show nothing else.
    ['cluster/alibaba_v2020_minibatch_job_2_norm.csv.gz', 'not enough evidence'],
    ['smi/rpf_gpu_usage_60s_epoch.csv', 'not enough evidence'],
    ['smi/dmon_a10_mutc_oTD.txt', 'not enough evidence'],
    ['nsys/nsysai_mock.sqlite.gz', 'not enough evidence'],
    ['nsys/nsys_stats_vector_add_n10.txt', 'findings'],
    ['cluster/acme_utilization_cdfs_seren_philly.csv.gz', 'findings'],
    ['cluster/acme_cluster_summary.csv', 'findings'],
    ['cluster/alibaba_v2020_minibatch_job_4_norm.csv.gz', 'findings'],
  ];
  for (const [path, verdict] of answers) {
    test(`${path}: ${verdict}`, async () => {
      const diagnosis = diagnose([await readSource(sharedPath(path))]);
      expect(diagnosis.verdict).toBe(verdict);
      if (verdict === 'healthy') expect(diagnosis.findings).toEqual([]);
    });
  }

  test('the mock of nsys-ai is idle at the level of a warning, without communication', async () => {
    const { traces, findings } = diagnose([await readSource(sharedPath('nsys/nsysai_mock.sqlite.gz'))]);
    expect(traces[0].idleSeverity).toBe('warning');
    expect(findings.filter(({ cause }) => cause === 'multi-gpu')).toEqual([]);
  });

  test('binary reports and the memory timeline are refused with what to do', async () => {
    await expect(readSource(sharedPath('nsys/nsys_rep_head.bin'))).rejects.toMatchObject({ code: 'GPU_BINARY_REPORT' });
    const timeline = sharedNames('torch_trace').find((name) => name.startsWith('hta_memory_analysis')) ?? '';
    await expect(readSource(sharedPath(`torch_trace/${timeline}`))).rejects.toMatchObject({
      code: 'GPU_MEMORY_TIMELINE',
    });
  });

  test('environment, users and tokens of an export are nowhere in the diagnosis', async () => {
    const diagnosis = diagnose([await readSource(sharedPath('nsys/nsysai_mfu_2gpu_before.sqlite.gz'))]);
    expect(JSON.stringify(diagnosis)).not.toMatch(/TOKEN|SECRET|\/home\/|LD_LIBRARY_PATH|PYTHONPATH/i);
  });
});

test.skipIf(!hasSharedData)(
  'a distribution has the activity of SMs and Tensor Cores that its percentiles have on average',
  async () => {
    const path = sharedPath('cluster/acme_utilization_cdfs_seren_philly.csv.gz');
    const [seren] = diagnose([await readSource(path)]).utilisation;
    expect(seren?.smActive).toBeCloseTo(0.4154, 4);
    expect(seren?.tensorActive).toBeCloseTo(0.1258, 4);
    expect(seren?.dramActive).toBeNaN();
  },
);

test('sampled counters with DRAM active and Tensor Cores not are a kernel that memory binds; with both it is not one', () => {
  const gpm = (tensor: number) =>
    `# gpu pwr sm mem smutil mmaact dram\n${Array.from({ length: 60 }, () => ` 0 300 99 60 80 ${tensor} 71\n`).join('')}`;
  const told = (tensor: number) => diagnose([parseText('dmon', 'dmon.txt', gpm(tensor))]);
  const { findings, utilisation, levels } = told(5);
  expect(findings).toMatchObject([{ cause: 'kernel-efficiency', severity: 'info' }]);
  expect(findings[0]?.title).toContain('bound by memory bandwidth: DRAM is active 71 %');
  expect(utilisation[0]?.smActive).toBeCloseTo(0.8, 9);
  expect(utilisation[0]?.dramActive).toBeCloseTo(0.71, 9);
  expect(levels[3]?.evidence).toEqual(['dmon.txt: DRAM active 71 %']);
  expect(told(60).findings).toEqual([]);
});
