import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { type DrillResult, drillObjections } from '../../src/cost/evidence/drill-result.ts';
import { type Evidence, evidenceKinds, evidenceOf, type Fact, factNames } from '../../src/cost/evidence/evidence.ts';
import { sameHardware } from '../../src/cost/evidence/hardware.ts';
import { programFacts } from '../../src/cost/evidence/program-files.ts';
import { type Job, readJob } from '../../src/cost/plan/job.ts';
import { withDrill } from '../../src/cost/plan/read-drill.ts';
import type { MeasuredProfile } from '../../src/cost/profile/measured-profile.ts';
import { readProfile } from '../../src/cost/profile/read-profile.ts';
import { readTrials } from '../../src/cost/profile/read-trials.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import { readDrill } from '../../src/training/runner/drill.ts';
import { checkSweepJournal } from '../../src/training/sweep/sweep-evidence.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-evidence-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const put = (name: string, value: unknown) => {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
};

beforeEach(writeProgram);

const command = ['python3', 'train.py', '--config=run.yaml'];
const all = (change: Partial<Evidence> = {}) =>
  evidenceOf({
    ...programFacts(command, folder),
    options: '{"rate":0.1}',
    worldSize: 32,
    nodes: 4,
    revision: '4f2c1d9',
    hardware: 'A100-80GB',
    model: 'resnet50',
    precision: 'tf32',
    ...change,
  });

/** For each fact something else than `all` has. */
const others: { readonly [Name in Fact]: Evidence[Name] } = {
  command: ['train.py', '--config=other.yaml'],
  files: { 'train.py': '0'.repeat(64) },
  options: '{"rate":0.2}',
  worldSize: 1,
  nodes: 1,
  revision: 'aaaaaaa',
  hardware: 'NVIDIA H100 80GB HBM3',
  model: 'bert',
  precision: 'bf16',
};

const job = async (change: object = {}): Promise<Job> =>
  await readJob(
    put('job.json', {
      version: 1,
      name: 'x',
      hours: 8,
      gpus: 32,
      accelerator: 'A100-80GB',
      command,
      options: { rate: 0.1 },
      revision: '4f2c1d9',
      model: 'resnet50',
      precision: 'tf32',
      ...change,
    }),
  );
const drillOf = (evidence: Evidence): DrillResult => ({
  format: 2,
  evidence,
  passed: true,
  problems: [],
  steps: 100,
  checkpointSeconds: 12,
  restartSeconds: 0.8,
  checkpointBytes: 2,
  lossDifference: 0,
  lossTolerance: 0.001,
});
const profileOf = ({ worldSize, hardware, ...facts }: Evidence): MeasuredProfile =>
  ({
    kind: 'headrace-cost-profile',
    format: 1,
    takenAtMs: 0,
    fingerprint: {
      model: facts.model,
      gpus: worldSize,
      accelerator: hardware,
      precision: facts.precision,
      revision: facts.revision,
      command: facts.command,
      files: facts.files,
    },
    stepS: 1,
    gpuBoundStepS: 0.8,
    loaderS: 0.5,
    spread: 0,
    repeats: 2,
    steps: 10,
    microBatch: 8,
    accumulation: 1,
    peakMemoryBytes: null,
    gpuMemoryBytes: null,
  }) as MeasuredProfile;

/** How each use of evidence answers: its objection, or null where the evidence stands. */
const uses: Readonly<
  Record<string, { readonly kind: keyof typeof evidenceKinds; ask(found: Evidence): Promise<string | null> }>
> = {
  'a drill for a run': {
    kind: 'drill',
    ask: async (found) => {
      put('drill/drill.json', drillOf(found));
      return await refusal(async () => readDrill(join(folder, 'drill'), all()));
    },
  },
  'a drill for a plan': {
    kind: 'drill',
    ask: async (found) => {
      const { proof, checkpoint } = await withDrill(await job(), put('plan-drill.json', drillOf(found)));
      const objections = proof?.objections ?? [];
      // Times of another program never reach a plan.
      expect(checkpoint === undefined).toBe(objections.length > 0);
      return objections.length === 0 ? null : objections.join('; ');
    },
  },
  'a profile': {
    kind: 'profile',
    ask: async (found) => {
      const path = put('profile.json', profileOf(found));
      return await refusal(async () => await readProfile([path], await job()));
    },
  },
  'a trace': {
    kind: 'trace',
    ask: async ({ hardware, precision }) => {
      const report = { deviceName: hardware, stepUs: 1e6, profile: { precision, peakMemoryBytes: null } };
      const path = put('diagnosis.json', { ...diagnose([]), traces: [{ ...traceReport, ...report }] });
      return await refusal(async () => await readProfile([path], await job()));
    },
  },
  'a trial': {
    kind: 'trial',
    ask: async (found) => {
      const today = await readProfile([put('today.json', profileOf(all()))], await job());
      const path = put('trial.json', profileOf(found));
      return await refusal(async () => await readTrials([`compile=${path}`], today));
    },
  },
  'losses of pilots and trials': {
    kind: 'losses',
    ask: async (evidence) =>
      await refusal(async () =>
        checkSweepJournal(
          {
            seq: 0,
            wall: 0,
            mono: 0,
            run: 's',
            attempt: 0,
            event: 'sweep',
            data: { declared: 'd', evidence: JSON.parse(JSON.stringify(evidence)) },
          },
          { declared: 'd', evidence: all(), folder },
        ),
      ),
  },
};

const traceReport = {
  file: 'trace.json',
  source: 'kineto',
  device: 0,
  decomposition: { totalUs: 1e6, computationUs: 8e5, idleUs: 2e5, exposedCopyUs: 0 },
};

async function refusal(work: () => Promise<unknown>): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (isHeadraceError(error)) return error.message;
    throw error;
  }
}

describe.each(Object.entries(uses))('%s', (_, { kind, ask }) => {
  test('stands for what it is of', async () => {
    expect(await ask(all())).toBeNull();
  });

  test.each([...evidenceKinds[kind].compared])('is refused if its %s differs, and says so', async (fact) => {
    expect(await ask(all({ [fact]: others[fact] }))).toContain(factNames[fact]);
  });

  test('may differ in what it is not compared by', async () => {
    for (const fact of Object.keys(others) as Fact[]) {
      if ((evidenceKinds[kind].compared as readonly Fact[]).includes(fact)) continue;
      expect(await ask(all({ [fact]: others[fact] })), fact).toBeNull();
    }
  });
});

test('a drill that does not say a fact is no proof of it, and a job that names no command has none', async () => {
  for (const fact of evidenceKinds.drill.compared)
    expect(drillObjections(drillOf(all({ [fact]: null })), all()).join(), fact).toContain(
      `the drill does not say its ${factNames[fact]}`,
    );
  const { proof } = await withDrill(await job({ command: undefined }), put('d.json', drillOf(all())));
  expect(proof?.objections.join()).toContain('the job does not say its command');
});

test('a drill on one machine stands for a job on several, and the plan says so', async () => {
  const asked = await job();
  expect(asked.evidence.nodes).toBe(4);
  const notesOf = async (nodes: number | null) => {
    const { proof } = await withDrill(asked, put('nodes.json', drillOf(all({ nodes }))));
    expect(proof?.objections).toEqual([]);
    return proof?.notes;
  };
  expect(await notesOf(1)).toEqual(['number of machines: "1" of the evidence, "4" now']);
  for (const nodes of [4, null]) expect(await notesOf(nodes)).toEqual([]);
});

test('the toy of one process on a laptop proves nothing of 32 GPUs: each difference is named', () => {
  const toy = all({
    nodes: 1,
    command: ['toy.py'],
    files: { 'toy.py': 'a'.repeat(64) },
    options: '{}',
    worldSize: 1,
    hardware: 'CPU',
    revision: null,
  });
  expect(drillObjections(drillOf(toy), all())).toHaveLength(6);
});

test('evidence changes with each file that the program imports, at any depth, and with no other', () => {
  const before = programFacts(command, folder);
  expect(Object.keys(before.files)).toEqual([
    'data/__init__.py',
    'data/images.py',
    'layers/__init__.py',
    'layers/conv.py',
    'net.py',
    'train.py',
  ]);
  put('unused.py', 'x = 1\n');
  expect(programFacts(command, folder)).toEqual(before);
  for (const name of Object.keys(before.files)) {
    put(name, '# other\n');
    expect(programFacts(command, folder).files, name).not.toEqual(before.files);
    writeProgram();
  }
  put('run.yaml', 'rate: 1\n');
  expect(Object.keys(programFacts(command, folder).files)).toContain('run.yaml');
});

function writeProgram(): void {
  put(
    'train.py',
    'import torch, net\nfrom data import (\n    images,\n    words as w)\nfrom layers.conv import Conv\n',
  );
  put('net.py', 'from layers import *\n');
  put('data/__init__.py', 'from . import images\n');
  put('data/images.py', 'size = 224\n');
  put('layers/__init__.py', '');
  put('layers/conv.py', 'from ..net import x\n');
}

test.each([
  [
    ['python3', 'train.py', '-x'],
    ['train.py', '-x'],
  ],
  [
    ['torchrun', '--nproc-per-node', '8', 'train.py', '-x'],
    ['train.py', '-x'],
  ],
  [
    ['env', 'A=1', 'python3', 'train.py'],
    ['A=1', 'train.py'],
  ],
  [['python3', join(folder, 'train.py')], ['train.py']],
  [['true'], ['true']],
])('launchers and absolute places are no part of a command: %j', (words, own) => {
  expect(programFacts(words, folder).command).toEqual(own);
});

test.each([
  ['A100', 'NVIDIA A100-SXM4-40GB', true],
  ['A100-80GB', 'NVIDIA A100-SXM4-40GB', false],
  ['A10', 'NVIDIA A100-SXM4-40GB', false],
  ['T4', 'Tesla T4', true],
  ['V100', 'Tesla V100-SXM2-16GB', true],
  ['H100', 'NVIDIA H100 80GB HBM3', true],
  ['H200', 'NVIDIA H100 80GB HBM3', false],
  ['RTX 4090', 'NVIDIA GeForce RTX 4090', true],
  ['MI300X', 'AMD Instinct MI300X', true],
  ['A100', 'CPU', false],
])('%s and %s are one accelerator: %s', (one, other, same) => {
  expect(sameHardware(one, other)).toBe(same);
});
