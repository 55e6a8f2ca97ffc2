import type { VersionFile } from './model-registry.ts';
import type { LoadedModel } from './model-runtime.ts';

/** A version that is a Python program, as a runtime takes it. */
export interface PythonVersion {
  readonly model: string;
  readonly version: number;
  /** Digest over its files. */
  readonly digest: string;
  readonly files: readonly VersionFile[];
}

/** A worker and how it is. */
export interface PythonWorker {
  readonly model: string;
  readonly version: number;
  /** The job whose own worker it is; null: it is shared by all who serve the version. */
  readonly job: string | null;
  readonly state: 'starting' | 'ready' | 'waiting';
  /** Why there is no worker; empty: there is one, or one starts for the first time. */
  readonly reason: string;
  /**
   * How it is kept apart from the server: in namespaces, where the server's files, processes and network are not; as the user nobody; or
   * not at all. `unknown`: it has not loaded the version yet.
   */
  readonly isolation: 'namespaces' | 'user' | 'none' | 'unknown';
  /** The owner of its network: itself, with nothing but a loopback in it, or the server. */
  readonly network: 'own' | 'server' | 'unknown';
  /** How often a worker was started again. */
  readonly restarts: number;
  /** Memory of its processes at the last look; 0 where the system does not say. */
  readonly memoryBytes: number;
}

/** The result of a collection of environments. */
export interface CollectedPython {
  /** Environments that were looked at. */
  readonly seen: number;
  readonly removed: number;
  /** Whether another process collects: then nothing was removed. */
  readonly isBusy: boolean;
}

/** A version in a worker, or the ONNX file that computes the same. */
export type OpenedPython =
  | { readonly kind: 'worker'; readonly loaded: LoadedModel; readonly memoryBytes: () => number }
  | { readonly kind: 'onnx'; readonly file: Uint8Array };

/**
 * Runs versions that are Python programs.
 *
 * Rules:
 *  1. nothing of a version is unpickled or imported in this process;
 *  2. `prepare` makes the environment of a version from its own requirements, once for each set of locked packages;
 *  3. `open` needs an environment that is there: otherwise it begins to make it and fails with PYTHON_PREPARING;
 *  4. a worker that ends, hangs, breaks the protocol or uses more than it may fails the runs that it had, each with a coded
 *     error, and another one is started; no other version is disturbed;
 *  5. a worker has no secret of this process in its environment, and none of its descriptors; where the system allows it, neither its files
 *     nor its processes;
 *  6. `collect` removes no environment that a needed version or a worker of any process of this machine uses.
 */
export interface PythonRuntime {
  /**
   * `onLine` receives a line for each step. Errors: PYTHON_REQUIREMENTS, PYTHON_VERSION, PYTHON_INTERPRETER, PYTHON_INSTALL, those of the
   * artefacts.
   */
  prepare(version: PythonVersion, onLine?: (line: string) => void): Promise<void>;
  /** Returns where the environment is there; otherwise begins to make it. Errors: PYTHON_PREPARING, those of `prepare`. */
  mustBePrepared(version: PythonVersion): Promise<void>;
  /**
   * Workers are shared: a version that is open already gets no second one. A `job`, by its name, has its own: a row that ends it is
   * one of the job. Errors: those of `mustBePrepared`, PYTHON_LOAD, PYTHON_TIME.
   */
  open(version: PythonVersion, job?: string): Promise<OpenedPython>;
  /** Workers that are open. */
  workers(): readonly PythonWorker[];
  /**
   * Removes environments that none of these versions needs and that no worker was started in since `before`, epoch ms. Killed
   * at any point it has removed only such. Errors: PYTHON_INTERPRETER, those of the artefacts; then nothing is removed.
   */
  collect(needed: readonly PythonVersion[], before: number): Promise<CollectedPython>;
  /** Ends every worker and installation. */
  close(): Promise<void>;
}
