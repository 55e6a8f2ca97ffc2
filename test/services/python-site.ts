import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { cached } from '../../scripts/services/service.ts';
import type { defineProject } from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { parseJsonExact, stringifyExact } from '../../src/schema/json-exact.ts';
import { startServer } from '../../src/server/http-server.ts';
import { openMlflowContext } from '../../src/server/mlflow/mlflow-context.ts';
import { startRegistryServer } from '../../src/server/mlflow/registry-server.ts';

export interface InputTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: readonly unknown[];
}

export type Outputs = Readonly<Record<string, readonly unknown[]>>;

/** The inputs of a model that a program logged, and what MLflow predicts for them. */
export interface Logged {
  readonly inputs: readonly InputTensor[];
  readonly outputs: Outputs;
  /** With other parameters. */
  readonly others?: Outputs;
}

interface SiteOptions {
  readonly project: ReturnType<typeof defineProject>;
  readonly interpreter: string;
  /** In test/services/python; its argument is the address of the registry. */
  readonly program: string;
}

/** A project whose models a program in Python logs through the routes of MLflow. Environments are kept over runs. */
export async function openPythonSite({ project, interpreter, program }: SiteOptions) {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-python-'));
  const environments = cached('python-environments');
  mkdirSync(environments, { recursive: true });
  symlinkSync(environments, join(directory, 'python'));
  const options = { directory, models: { python: { interpreter, memory: '4GiB' } } };
  const headrace = await openHeadrace({ project, environment: options });
  const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 1_000_000 });
  const { stores } = insideOf(headrace);
  const onFault = (error: unknown) => console.error(error);
  const context = openMlflowContext({ ...stores, clock: Date.now, webhooks: [], checkPromotion: null, onFault });
  const listen = { host: '127.0.0.1', port: 0, directory, version: '3.17.2', onFault };
  const registry = await startRegistryServer(context, listen);
  const script = fileURLToPath(new URL(`./python/${program}`, import.meta.url));
  const logged = await logModels([interpreter, script, registry.url], directory);
  // A program is loaded under an alias only.
  for (const name of await stores.registry.models())
    for (const version of await stores.registry.versionNumbers(name))
      await stores.registry.moveAlias(name, `n${version}`, { expected: 'any', to: version, at: 1 });
  return {
    headrace,
    logged,
    post: (path: string, body: object) => post(`${server.url}${path}`, body),
    prepared: (name: string) => prepared(headrace, name),
    infer: (name: string, inputs: readonly InputTensor[], parameters: object = {}) =>
      infer(`${server.url}/v2/models/${name}/infer`, { inputs, parameters }),
    close: async () => {
      await server.close();
      await registry.close();
      await headrace.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export type PythonSite = Awaited<ReturnType<typeof openPythonSite>>;

async function logModels(command: readonly string[], cwd: string): Promise<Readonly<Record<string, Logged>>> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  await once(child, 'close');
  const line = output.split('\n').find((each) => each.startsWith('MODELS '));
  if (line === undefined) throw new Error(`the program logged nothing: ${errors.slice(-2_000)}`);
  return parseJsonExact(line.slice('MODELS '.length)) as Readonly<Record<string, Logged>>;
}

async function post(url: string, body: object): Promise<{ readonly status: number; readonly json: unknown }> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: stringifyExact(body) });
  return { status: response.status, json: await response.json() };
}

/** Makes the environment of a model; says where it runs. */
async function prepared(headrace: Headrace, name: string): Promise<string> {
  // Not by HTTP: a client gives up before a slow machine has installed the packages.
  const { host } = insideOf(headrace);
  await host.load(name);
  return host.findLoaded(name, '')?.place ?? 'nowhere';
}

async function infer(url: string, body: object): Promise<Outputs> {
  const { status, json } = await post(url, body);
  expect(status, JSON.stringify(json)).toBe(200);
  const { outputs } = json as { readonly outputs: readonly InputTensor[] };
  return Object.fromEntries(outputs.map(({ name, data }) => [name, data]));
}

/** Every output has the values that MLflow predicts. */
export function expectOutputs(found: Outputs, expected: Outputs): void {
  expect(new Set(Object.keys(found))).toEqual(new Set(Object.keys(expected)));
  for (const [output, values] of Object.entries(expected)) closeTo(found[output], values);
}

function closeTo(found: readonly unknown[], expected: readonly unknown[]): void {
  expect(found.length).toBe(expected.length);
  found.forEach((value, i) => {
    if (typeof expected[i] === 'number') expect(value).toBeCloseTo(expected[i], 5);
    else expect(value).toEqual(expected[i]);
  });
}
