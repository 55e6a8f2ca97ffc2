import { existsSync } from 'node:fs';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { compareText } from '../../base/text-order.ts';
import type { LoadedModel } from '../../ports/model-runtime.ts';
import { inputFault } from '../../schema/check-inputs.ts';
import { type ExternalTensor, externalTensors, withTensorsInside } from '../../schema/onnx-external-data.ts';
import { OnnxFileFault } from '../../schema/onnx-fields.ts';
import type { Tensor } from '../../schema/tensor.ts';
import { plainOf } from '../config/config-fields.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { parsePbtxt } from '../config/pbtxt.ts';
import { batchedSignature } from '../config/served-signature.ts';
import { tritonConfig } from '../config/triton-config.ts';
import { sampleTensor } from '../load/sample-rows.ts';
import { decodeTensor } from '../request/tensor-bytes.ts';
import type { ModelSource, OpenedVersion, SourceModel } from './model-source.ts';

const VERSION = /^[1-9]\d{0,17}$/;

/** Larger configurations are refused, bytes. */
const LARGEST_CONFIG = 1_000_000;

/**
 * The models of a folder as Triton lays it out: `<model>/config.pbtxt` and `<model>/<version>/model.onnx`. A name is
 * looked up among the folder's entries, so that none leads elsewhere.
 */
export class TritonRepository implements ModelSource {
  readonly #root: string;

  /** Error: OIP_CONFIG, where the folder is absent. */
  constructor(root: string) {
    if (!existsSync(root)) throw fail('OIP_CONFIG', { path: root, reason: 'the model repository does not exist' });
    this.#root = root;
  }

  async names(): Promise<readonly string[]> {
    const entries = await readdir(this.#root, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    return names.sort(compareText);
  }

  async find(name: string): Promise<SourceModel | null> {
    if (!(await this.names()).includes(name)) return null;
    const folder = join(this.#root, name);
    const config = await readConfig(folder, name);
    const entries = await readdir(folder, { withFileTypes: true });
    const versions = entries
      .filter((entry) => entry.isDirectory() && VERSION.test(entry.name))
      .map((entry) => entry.name)
      .sort((a, b) => Number(a) - Number(b));
    return {
      config,
      versions: versions.length === 0 && config?.ensemble !== null && config !== null ? ['1'] : versions,
      preferred: null,
      alias: () => null,
      open: (version, file) => openVersion(folder, version, file, config),
      warmUps: (_, filled) => warmUpsOf(folder, filled),
    };
  }
}

async function readConfig(folder: string, name: string): Promise<ModelConfig | null> {
  const path = join(folder, 'config.pbtxt');
  if (!existsSync(path)) return null;
  const text = await readPlain(path, LARGEST_CONFIG);
  try {
    return tritonConfig(plainOf(parsePbtxt(text.toString('utf8'))), name, path);
  } catch (error) {
    if (error instanceof SyntaxError) throw fail('OIP_CONFIG', { path, reason: error.message }, error);
    throw error;
  }
}

async function openVersion(
  folder: string,
  version: string,
  file: string,
  config: ModelConfig | null,
): Promise<OpenedVersion> {
  if (config?.backend === 'identity') return { kind: 'own', platform: 'identity', load: identityModel };
  const bytes = await readPlain(join(folder, version, file), Number.POSITIVE_INFINITY);
  return { kind: 'onnx', file: await withOthers(bytes, join(folder, version)) };
}

/** None of bytes that are not a model: the load says so. */
function tensorsElsewhere(file: Uint8Array): readonly ExternalTensor[] {
  try {
    return externalTensors(file);
  } catch {
    return [];
  }
}

/** The model with the tensors that it has in other files of its folder. Error: OIP_LOAD. */
async function withOthers(file: Buffer, folder: string): Promise<Uint8Array> {
  const others = new Map<string, Uint8Array>();
  try {
    for (const { location } of tensorsElsewhere(file)) {
      if (/^\.{0,2}$|[\\/\0]/.test(location))
        throw new OnnxFileFault(`it names the file "${location}", which is not in its folder`);
      if (!others.has(location))
        others.set(location, await readPlain(join(folder, location), Number.POSITIVE_INFINITY));
    }
    return others.size === 0 ? file : withTensorsInside(file, others);
  } catch (error) {
    if (!(error instanceof OnnxFileFault)) throw error;
    throw fail('OIP_LOAD', { reason: `a model of ${folder} cannot be opened: ${error.message}` }, error);
  }
}

/** Reads a file that is no link: a link may lead out of the repository. */
async function readPlain(path: string, most: number): Promise<Buffer> {
  try {
    const { size, isFile } = await lstat(path).then((stat) => ({ size: stat.size, isFile: stat.isFile() }));
    if (!isFile) throw new Error('it is no plain file');
    if (size > most) throw new Error(`it has ${size} bytes`);
    return await readFile(path);
  } catch (error) {
    throw fail('OIP_LOAD', { reason: `${path} cannot be read: ${reasonOf(error)}` }, error);
  }
}

/** The requests of `model_warmup`. */
async function warmUpsOf(folder: string, config: ModelConfig): Promise<readonly (readonly Tensor[])[]> {
  const all: (readonly Tensor[])[] = [];
  for (const { rows, count, inputs } of config.warmUps) {
    const tensors: Tensor[] = [];
    for (const { fill, ...spec } of inputs) {
      const shape = config.maxBatchSize > 0 ? [Math.max(1, rows), ...spec.shape] : spec.shape;
      if (typeof fill === 'string') tensors.push(sampleTensor({ ...spec, shape }, rows, fill));
      else {
        const bytes = await readPlain(join(folder, 'warmup', fill.file), Number.POSITIVE_INFINITY);
        tensors.push(decodeTensor({ ...spec, shape, bytes, model: config.name }));
      }
    }
    for (let i = 0; i < count; i += 1) all.push(tensors);
  }
  return all;
}

/** The built-in model that gives each input back as the output of the same place, byte for byte. Error: OIP_CONFIG. */
function identityModel(config: ModelConfig): LoadedModel {
  const signature = batchedSignature(config);
  const { inputs, outputs } = signature;
  const pairs = outputs.every(({ type }, i) => inputs[i]?.type === type) && inputs.length === outputs.length;
  if (!pairs)
    throw fail('OIP_CONFIG', { path: config.name, reason: 'an identity has an output of its type for each input' });
  return {
    signature,
    run: async (tensors, asked = outputs.map(({ name }) => name)) => {
      const fault = inputFault(signature, tensors, asked);
      if (fault !== null) throw fail('MODEL_TENSOR', { reason: fault });
      return asked.flatMap((name) => {
        const place = outputs.findIndex((output) => output.name === name);
        const given = tensors.find((tensor) => tensor.name === inputs[place].name);
        return given === undefined ? [] : [{ ...given, name }];
      });
    },
    close: async () => undefined,
  };
}
