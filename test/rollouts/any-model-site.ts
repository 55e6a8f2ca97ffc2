import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { defineProject } from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import type { RolloutReport } from '../../src/serving/rollout/rollout-report.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import { logModel } from '../inference/logged-onnx.ts';
import { asked } from '../models/small-project.ts';
import { inferByGrpc } from './infer-ways.ts';
import { numberOf, START } from './sold-server.ts';
import { type Kind, onnxOf } from './versions.ts';

/** A model that no project declares, by who has its versions. */
export type Owner = 'a folder of a repository' | 'MLflow';

/** A project without models. */
export const bare = defineProject('bare', { asked });

export interface AnySite {
  readonly headrace: Headrace;
  readonly server: RunningServer;
  readonly directory: string;
  /** Of its restarts too. */
  readonly faults: unknown[];
  readonly later: (ms: number) => void;
  readonly ask: (path: string, body?: unknown) => Promise<{ readonly status: number; readonly body: RolloutReport }>;
}

const closing: (() => Promise<void>)[] = [];

export async function closeSites(): Promise<void> {
  for (const close of closing.splice(0).reverse()) await close();
}

/** An ensemble of one step, which is the version of `plain` that answers. */
const ENSEMBLE = `name: "whole" platform: "ensemble"
input [ { name: "x" data_type: TYPE_FP32 dims: [ -1, 1 ] } ]
output [ { name: "p" data_type: TYPE_FP32 dims: [ -1 ] } ]
ensemble_scheduling { step [ { model_name: "plain" model_version: -1
  input_map { key: "features" value: "x" } output_map { key: "probability" value: "p" } } ] }
`;

/** Files of the model `plain`; version 1 answers. */
export const placed: Readonly<Record<Owner, (directory: string, kinds: readonly Kind[]) => Promise<void>>> = {
  'a folder of a repository': async (directory, kinds) => {
    kinds.forEach((kind, i) => {
      const folder = join(directory, 'repository', 'plain', String(i + 1));
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'model.onnx'), onnxOf(kind, i + 1));
    });
    const policy = 'name: "plain"\nversion_policy: { specific: { versions: [1] } }\n';
    writeFileSync(join(directory, 'repository', 'plain', 'config.pbtxt'), policy);
    mkdirSync(join(directory, 'repository', 'whole'));
    writeFileSync(join(directory, 'repository', 'whole', 'config.pbtxt'), ENSEMBLE);
  },
  MLflow: async (directory, kinds) => {
    mkdirSync(join(directory, 'repository'), { recursive: true });
    const registry = openSqliteRegistry(join(directory, 'registry.sqlite'));
    const artifacts = new FileArtifactStore(join(directory, 'artifacts'));
    for (const [i, kind] of kinds.entries())
      await logModel(registry, artifacts, {
        model: 'plain',
        onnx: Buffer.from(onnxOf(kind, i + 1)),
        columns: ['number'],
      });
    await registry.moveAlias('plain', 'champion', { expected: null, to: 1, at: 0 });
    await registry.close();
  },
};

export async function anySite(owner: Owner, kinds: readonly Kind[]): Promise<AnySite> {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-any-'));
  closing.push(async () => rmSync(directory, { recursive: true, force: true }));
  await placed[owner](directory, kinds);
  return openSite(directory);
}

/** Opens the site again, as after a restart. */
export async function reopened({ directory, faults }: AnySite): Promise<AnySite> {
  await closing.pop()?.();
  return openSite(directory, faults);
}

async function openSite(directory: string, faults: unknown[] = []): Promise<AnySite> {
  let now = START;
  const headrace = await openHeadrace({
    project: bare,
    environment: { directory, models: { repository: join(directory, 'repository') } },
    clock: () => now,
    onFault: (error) => faults.push(error),
  });
  const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 100_000 });
  closing.push(async () => {
    await server.close();
    await headrace.close();
  });
  const ask: AnySite['ask'] = async (path, body) => {
    const init =
      body === undefined
        ? {}
        : { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const answer = await fetch(`${server.url}${path}`, init);
    return { status: answer.status, body: (await answer.json()) as RolloutReport };
  };
  const later = (ms: number) => {
    now += ms;
  };
  return { headrace, server, directory, faults, later, ask };
}

/** The version and cohort that a caller gets; `failed` where it gets none. */
export type Way = (site: AnySite, caller: number, version?: string) => Promise<string>;

export interface Inferred {
  readonly model_version: string;
  readonly parameters?: { readonly headrace_cohort?: string };
}

export const ways: Readonly<Record<'HTTP' | 'gRPC', Way>> = {
  HTTP: async ({ ask }, caller, version) => {
    const path = version === undefined ? 'plain' : `plain/versions/${version}`;
    const { status, body } = await ask(`/v2/models/${path}/infer`, {
      parameters: { headrace_key: `caller ${caller}` },
      inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 1], data: [numberOf(caller)] }],
    });
    if (status !== 200) return 'failed';
    const { model_version: by, parameters } = body as unknown as Inferred;
    return `${parameters?.headrace_cohort ?? 'none'} ${by}`;
  },
  gRPC: async ({ headrace }, caller) => {
    const answer = { model: 'plain', number: numberOf(caller) };
    const got = await inferByGrpc(headrace, `caller ${caller}`, answer).catch(() => null);
    return got === null ? 'failed' : `${got.cohort ?? 'none'} ${got.version}`;
  },
};

/** Half of the callers at once; guardrails alone decide, without those of time. */
export const halfOfCallers = { shadow: false, steps: [50], every: '1s', requests: 60, soak: '1m' } as const;

export async function start(
  site: AnySite,
  plan: Readonly<Record<string, unknown>>,
  version: number,
): Promise<RolloutReport> {
  const { status, body } = await site.ask('/v1/rollouts/plain', { action: 'start', version, plan });
  expect(body).toMatchObject({ model: 'plain' });
  expect(status).toBe(200);
  return body;
}

export async function state({ ask }: AnySite): Promise<RolloutReport> {
  return (await ask('/v1/rollouts/plain')).body;
}

interface Asked {
  readonly report: RolloutReport;
  /** The versions and cohorts that answered. */
  readonly seen: Set<string>;
}

/** Callers ask until the rollout leaves the states of its comparison, or for this many rounds. */
export function rounds(site: AnySite, way: Way, most = 40): Promise<Asked> {
  return until(site, most, (round) =>
    Promise.all(Array.from({ length: 32 }, (_, i) => round * 32 + i).map((caller) => way(site, caller))),
  );
}

const TURNS = 8;

/** One caller of each cohort asks in turn: each run has one row, and no run computes while another does. */
export async function turns(site: AnySite, way: Way, most = 40): Promise<Asked> {
  const callers = new Map<string, number>();
  for (let caller = 0; callers.size < 2 && caller < 32; caller += 1) callers.set(await way(site, caller), caller);
  return until(site, most, async () => {
    const got: string[] = [];
    for (let turn = 0; turn < TURNS; turn += 1)
      for (const caller of callers.values()) got.push(await way(site, caller));
    return got;
  });
}

async function until(site: AnySite, most: number, ask: (round: number) => Promise<readonly string[]>): Promise<Asked> {
  const seen = new Set<string>();
  for (let round = 0; round < most; round += 1) {
    for (const got of await ask(round)) seen.add(got);
    site.later(500);
    await site.headrace.tick();
    const { state: now } = await state(site);
    if (now !== 'canary' && now !== 'shadow' && now !== 'held') break;
  }
  return { report: await state(site), seen };
}
