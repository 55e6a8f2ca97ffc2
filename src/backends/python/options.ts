import { z } from 'zod';
import { parseDuration } from '../../base/time.ts';
import { duration, LEAST_MEMORY, size } from '../../ports/options.ts';

/** How models that are Python programs are served. A pickle is a program: set it only where those who register models are trusted. */
export const pythonOptions = z.strictObject({
  /** The command of the interpreter that makes environments. A model that needs another version gets `python3.<minor>`. */
  interpreter: z.string().min(1).default('python3'),
  /** Memory of one worker with all its processes. */
  memory: size(LEAST_MEMORY).prefault('2GiB'),
  /** Processes of one worker. */
  processes: z.int().min(1).max(4_096).default(16),
  /** Threads of the numeric libraries of one worker. */
  threads: z.int().min(1).max(256).default(1),
  /** Longest time of one run. */
  timeout: duration.default('30s'),
  /** Longest time of a start, until the model is loaded. */
  start: duration.default('2m'),
  /** Longest time that an environment may take to be made. */
  install: duration.default('20m'),
  /** Serves a scikit-learn model as ONNX where the conversion gives the same outputs. */
  onnx: z.boolean().default(true),
  /** Lets workers use the network of the server. A program of theirs can then call a server that asks nobody for a key. */
  network: z.boolean().default(false),
  /** `required`: a worker that the system does not isolate from the server loads nothing. */
  isolation: z.enum(['preferred', 'required']).default('preferred'),
});

/** Options of Python models with all defaults filled; durations in ms. */
export interface PythonOptions {
  readonly interpreter: string;
  readonly memoryBytes: number;
  readonly processes: number;
  readonly threads: number;
  readonly timeoutMs: number;
  readonly startMs: number;
  readonly installMs: number;
  readonly onnx: boolean;
  readonly network: boolean;
  readonly isolation: 'preferred' | 'required';
}

/** Fills the units of parsed options. */
export function resolvedPython(options: z.output<typeof pythonOptions>): PythonOptions {
  const { interpreter, memory, processes, threads, timeout, start, install, onnx, network, isolation } = options;
  return {
    interpreter,
    memoryBytes: memory,
    processes,
    threads,
    timeoutMs: parseDuration(timeout, 'models.python.timeout'),
    startMs: parseDuration(start, 'models.python.start'),
    installMs: parseDuration(install, 'models.python.install'),
    onnx,
    network,
    isolation,
  };
}
