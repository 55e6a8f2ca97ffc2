import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail, type HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { LoadedModel } from '../../ports/model-runtime.ts';
import type {
  CollectedPython,
  OpenedPython,
  PythonRuntime,
  PythonVersion,
  PythonWorker,
} from '../../ports/python-runtime.ts';
import { PythonEnvironments, type Wanted } from './environments.ts';
import type { WantedIsolation } from './isolation.ts';
import { clearFolders, makeModelFolder } from './model-folder.ts';
import { OnnxFiles } from './onnx-files.ts';
import type { PythonOptions } from './options.ts';
import { workerEnvironment } from './program-environment.ts';
import { type OnnxCandidate, PythonModel } from './python-model.ts';
import { parsePythonEnv, parseRequirements } from './requirements.ts';

/** An environment that could not be made for a reason that may pass is tried again after this, ms. */
const TRY_AGAIN_MS = 60_000;

/** A larger file of requirements is none. */
const MOST_BYTES = 2 ** 20;

/** The largest answer of a worker. */
const FRAME_BYTES = 2 ** 30;

/** Packages that a conversion to ONNX needs. */
const FOR_ONNX = ['skl2onnx'] as const;

export interface PythonRuntimeOptions {
  readonly options: PythonOptions;
  /** Of environments, and of the files of workers. */
  readonly directory: string;
  /** Folders with secrets of the server: workers find them empty. */
  readonly hidden: readonly string[];
  readonly artifacts: ArtifactStore;
  readonly monotonic: () => number;
  /** Whether a file has the tensors of a model and answers its rows as the model does. */
  readonly holds: (candidate: OnnxCandidate) => Promise<boolean>;
  /** The program of the worker in place of the packaged one. */
  readonly program?: string;
}

type SharedModel = LoadedModel & Pick<PythonModel, 'memoryBytes' | 'asOnnx'>;

/** A model that one of several holders has open. */
function sharedModel(model: PythonModel, release: () => Promise<void>): SharedModel {
  let released: Promise<void> | null = null;
  return {
    signature: model.signature,
    examples: model.examples,
    get memoryBytes() {
      return model.memoryBytes;
    },
    parameters: model.parameters,
    run: (inputs, outputs, parameters) => model.run(inputs, outputs, parameters),
    asOnnx: () => model.asOnnx(),
    close: () => (released ??= release()),
  };
}

/** Versions that are Python programs, each in a worker process with an environment for its requirements. */
export class ProcessPythonRuntime implements PythonRuntime {
  readonly #options: PythonRuntimeOptions;
  readonly #directory: string;
  readonly #environments: PythonEnvironments;
  readonly #onnx: OnnxFiles;
  readonly #open = new Set<PythonModel>();
  readonly #shares = new Map<string, { readonly model: Promise<PythonModel>; holders: number }>();
  /** Environments that could not be made, by the digest of the version. */
  readonly #failed = new Map<string, { readonly error: HeadraceError; readonly at: number }>();
  readonly #preparing = new Map<string, Promise<void>>();

  constructor(options: PythonRuntimeOptions) {
    this.#options = options;
    this.#directory = resolve(options.directory);
    const { interpreter, installMs } = options.options;
    this.#onnx = new OnnxFiles(join(this.#directory, 'onnx'), options.holds);
    this.#environments = new PythonEnvironments({ directory: this.#directory, interpreter, installMs });
  }

  /** Removes the remains of dead processes. */
  async clear(): Promise<void> {
    await clearFolders(this.#directory);
    await clearFolders(this.#work);
  }

  get #work(): string {
    return join(this.#directory, 'work');
  }

  prepare(version: PythonVersion, onLine: (line: string) => void = () => undefined): Promise<void> {
    const known = this.#preparing.get(version.digest);
    if (known !== undefined) return known;
    const preparing = this.#prepare(version, onLine).finally(() => this.#preparing.delete(version.digest));
    this.#preparing.set(version.digest, preparing);
    return preparing;
  }

  async mustBePrepared(version: PythonVersion): Promise<void> {
    await this.#interpreter(version);
  }

  async open(version: PythonVersion, job: string | null = null): Promise<OpenedPython> {
    const python = await this.#interpreter(version);
    const file = this.#options.options.onnx ? await this.#onnx.find(version, python) : null;
    if (file !== null) return { kind: 'onnx', file };
    const loaded = job === null ? await this.#shared(version, python) : await this.#opened(version, python, job);
    return { kind: 'worker', loaded, memoryBytes: () => loaded.memoryBytes };
  }

  workers(): readonly PythonWorker[] {
    return [...this.#open].map(({ report }) => report);
  }

  async collect(needed: readonly PythonVersion[], before: number): Promise<CollectedPython> {
    const wanted: Wanted[] = [];
    for (const version of needed) {
      try {
        wanted.push(await this.#wanted(version));
      } catch (error) {
        // Its requirements are refused: it has no environment.
        if (!isHeadraceError(error, 'PYTHON_REQUIREMENTS')) throw error;
      }
    }
    return this.#environments.collect(wanted, before);
  }

  async close(): Promise<void> {
    await this.#environments.close();
    await Promise.allSettled(this.#preparing.values());
    await Promise.all([...this.#open].map((model) => model.close()));
  }

  async #prepare(version: PythonVersion, onLine: (line: string) => void): Promise<void> {
    try {
      const python = await this.#environments.make(await this.#wanted(version), onLine);
      if (!(await this.#isJudged(version, python))) {
        onLine('loading the version once, to see whether it can be served as ONNX');
        await this.#judge(version, python);
      }
      this.#failed.delete(version.digest);
    } catch (error) {
      if (isHeadraceError(error)) this.#failed.set(version.digest, { error, at: this.#options.monotonic() });
      throw error;
    }
  }

  async #interpreter(version: PythonVersion): Promise<string> {
    const python = await this.#environments.find(await this.#wanted(version));
    if (python === null || !(await this.#isJudged(version, python))) throw this.#unprepared(version);
    return python;
  }

  /** The worker of a version, for one more holder; the last one that closes it ends it. */
  async #shared(version: PythonVersion, python: string): Promise<SharedModel> {
    const key = `${version.model}/${version.version}/${version.digest}`;
    const shared = this.#shares.get(key) ?? { model: this.#opened(version, python, null), holders: 0 };
    this.#shares.set(key, shared);
    shared.holders += 1;
    const release = async () => {
      shared.holders -= 1;
      if (shared.holders > 0) return;
      if (this.#shares.get(key) === shared) this.#shares.delete(key);
      await (await shared.model).close();
    };
    try {
      return sharedModel(await shared.model, release);
    } catch (error) {
      if (this.#shares.get(key) === shared) this.#shares.delete(key);
      throw error;
    }
  }

  /** Whether it is decided if the version is served as ONNX. */
  async #isJudged(version: PythonVersion, python: string): Promise<boolean> {
    return !this.#options.options.onnx || (await this.#onnx.isJudged(version, python));
  }

  async #judge(version: PythonVersion, python: string): Promise<void> {
    if (!(await isEstimator(version, this.#options.artifacts))) return this.#onnx.keep(version, python, null);
    const loaded = await this.#shared(version, python);
    try {
      await this.#onnx.judge(version, python, await loaded.asOnnx());
    } finally {
      await loaded.close();
    }
  }

  /** The error of a version without an environment; begins to make one where that may succeed. */
  #unprepared(version: PythonVersion): HeadraceError {
    const failed = this.#failed.get(version.digest);
    const mayPass = failed === undefined || this.#options.monotonic() - failed.at > TRY_AGAIN_MS;
    if (!mayPass && !this.#preparing.has(version.digest)) return failed.error;
    // Its failure is the answer to the next call.
    this.prepare(version).catch(() => undefined);
    return fail('PYTHON_PREPARING', { model: version.model, version: version.version });
  }

  async #opened(version: PythonVersion, python: string, job: string | null): Promise<PythonModel> {
    const {
      options,
      artifacts,
      program = fileURLToPath(new URL('./headrace_worker.py', import.meta.url)),
    } = this.#options;
    const { memoryBytes, processes, threads, timeoutMs, startMs, network } = options;
    const release = await this.#environments.use(python);
    if (release === null) throw this.#unprepared(version);
    const folder = await makeModelFolder(this.#work, version, artifacts).catch(async (error: unknown) => {
      await release();
      throw error;
    });
    const { model, version: number } = version;
    const isolation: WantedIsolation = {
      hide: this.#options.hidden,
      keep: [folder.model],
      home: folder.home,
      own: [folder.path],
      network,
      required: options.isolation === 'required',
    };
    const opened: { model?: PythonModel } = {};
    const loaded = await PythonModel.open({
      program: {
        of: { model, version: number },
        command: [python, '-I', '-B', program],
        env: workerEnvironment(python, folder.home, threads),
        cwd: folder.home,
        limits: { memoryBytes, processes, frameBytes: FRAME_BYTES },
      },
      load: { kind: 'load', path: folder.model, limits: { memory: memoryBytes, processes }, isolation },
      startMs,
      timeoutMs,
      job,
      onClosed: async () => {
        if (opened.model !== undefined) this.#open.delete(opened.model);
        await folder.remove();
        await release();
      },
    });
    opened.model = loaded;
    this.#open.add(loaded);
    return loaded;
  }

  /** The packages that a version asks for. Error: PYTHON_REQUIREMENTS. */
  async #wanted(version: PythonVersion): Promise<Wanted> {
    const { model, version: number } = version;
    const of = { model, version: number };
    const env = parsePythonEnv(await this.#text(version, 'python_env.yaml'));
    const read = (text: string): readonly string[] => {
      const parsed = parseRequirements(text);
      if (parsed.kind === 'refused') throw fail('PYTHON_REQUIREMENTS', { ...of, ...parsed.refused });
      return parsed.lines;
    };

    const lines = read(await this.#text(version, 'requirements.txt'));
    const isSklearn = this.#options.options.onnx && lines.some((line) => /^scikit-learn\b/i.test(line));
    const extras = [...read(env.lines.join('\n')), ...(isSklearn ? FOR_ONNX : [])];
    const constraints = read(await this.#text(version, 'constraints.txt'));
    return { of, python: env.python, lines, extras, constraints };
  }

  async #text({ files }: PythonVersion, name: string): Promise<string> {
    const file = files.find(({ path }) => path === name);
    if (file === undefined || file.sizeBytes > MOST_BYTES) return '';
    return new TextDecoder().decode(await this.#options.artifacts.get(file.digest));
  }
}

/** Whether MLflow logged it as an estimator of scikit-learn. */
async function isEstimator({ files }: PythonVersion, artifacts: ArtifactStore): Promise<boolean> {
  const file = files.find(({ path }) => path === 'MLmodel');
  if (file === undefined || file.sizeBytes > MOST_BYTES) return false;
  const text = new TextDecoder().decode(await artifacts.get(file.digest));
  return text.split('\n').some((line) => line.trim() === 'loader_module: mlflow.sklearn');
}
