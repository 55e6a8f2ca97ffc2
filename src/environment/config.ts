import { z } from 'zod';
import {
  directoryOptions,
  embeddedLogOptions,
  embeddedOptions,
  embeddedRegistryOptions,
} from '../backends/embedded/options.ts';
import { flinkOptions } from '../backends/flink/options.ts';
import { kafkaLogOptions, kafkaTopicFields } from '../backends/kafka/options.ts';
import { postgresOptions } from '../backends/postgres/options.ts';
import { type PythonOptions, pythonOptions, resolvedPython } from '../backends/python/options.ts';
import { redisOptions } from '../backends/redis/options.ts';
import { s3Options } from '../backends/s3/options.ts';
import { schemaRegistryOptions } from '../backends/schema-registry/options.ts';
import { sparkConnectOptions, sparkEngineOptions, sparkHistoryOptions } from '../backends/spark/options.ts';
import { fail } from '../base/errors/fail.ts';
import { parseDuration } from '../base/time.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import type { FunctionModel, StreamingModel } from '../features/define/function-model.ts';
import { duration, LEAST_MEMORY, size } from '../ports/options.ts';
import { alertsSchema } from './alert-config.ts';
import { checkEngine, checkTopics } from './check-kafka.ts';
import { machineMemory } from './machine-memory.ts';
import { defaultMemory, LEAST_HISTORY, memoryShares } from './memory-shares.ts';

/** Where the newest tiles are. */
const onlineSchema = z.discriminatedUnion('kind', [embeddedOptions, redisOptions]);

const logSchema = z.discriminatedUnion('kind', [embeddedLogOptions, kafkaLogOptions]);

/** How the values of a topic are written. */
const formatSchema = z.discriminatedUnion('kind', [z.strictObject({ kind: z.literal('json') }), schemaRegistryOptions]);

/** A topic of another service, and the format of its records. The events of a source are taken from it. */
const sourceSchema = z.strictObject({ ...kafkaTopicFields, format: formatSchema.prefault({ kind: 'json' }) });

/** The engine that computes the tiles of stream views. */
const engineSchema = z.discriminatedUnion('kind', [embeddedOptions, flinkOptions, sparkEngineOptions]);

/** The engine over the history: tiles in a backfill of a stream view, features of training sets. */
const historySchema = z.discriminatedUnion('kind', [embeddedOptions, sparkHistoryOptions, sparkConnectOptions]);

/** Where experiments, runs, models and versions are. */
const registrySchema = z.discriminatedUnion('kind', [embeddedRegistryOptions, postgresOptions]);

/** Where the files of models and runs are. */
const artifactsSchema = z.discriminatedUnion('kind', [directoryOptions, s3Options]);

function isFunctionModel(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { name, inputs, outputs, run, stream }: Readonly<Partial<Record<string, unknown>>> = { ...value };
  const isRun = (typeof run === 'function') !== (typeof stream === 'function');
  return typeof name === 'string' && Array.isArray(inputs) && Array.isArray(outputs) && isRun;
}

/** Processes that train, so that they leave the machine to what serves; checkpoints, restarts and costs of a training. */
const trainingSchema = z.strictObject({
  /** 0 to 19: the larger, the less of a busy processor they get. */
  nice: z.int().min(0).max(19).default(10),
  /** `idle`: they compute while nobody else does. Set it where a server shares the machine. */
  cpu: z.enum(['normal', 'idle']).default('normal'),
  /** `idle`: they read and write while nobody else does. */
  disk: z.enum(['normal', 'idle']).default('normal'),
  /** Processors that they may run on: the last ones of the machine. Without it, all. */
  cores: z.int().min(1).optional(),
  /** Data memory of a process. Without it there is no bound. */
  memory: size(LEAST_MEMORY).optional(),
  /** Between two checkpoints. */
  checkpoint: duration.default('60s'),
  /** Restarts after hangs and kills that nobody explains: 3 of embedded trainers, none of commands. */
  restarts: z.int().min(0).max(1_000).optional(),
  /** The most that a training may cost, and the price of an hour in the same currency. */
  budget: z.number().positive().optional(),
  pricePerHour: z.number().nonnegative().default(0),
});

/** The models that a server runs for callers who send tensors. */
const modelsSchema = z.strictObject({
  /** A folder as Triton lays it out: `<model>/config.pbtxt`, `<model>/<version>/model.onnx`. */
  repository: z.string().min(1).optional(),
  /** Models that are functions, made with `functionModel` or `streamingModel`. */
  functions: z
    .array(z.custom<FunctionModel | StreamingModel>(isFunctionModel, 'write functionModel({…}) or streamingModel({…})'))
    .default([]),
  /** When models are loaded: all of the repository at the start, each at its first request, or by calls alone. */
  load: z.enum(['start', 'request', 'explicit']).default('start'),
  /** Memory that loaded models may take together; the least recently used goes first. */
  memory: size(LEAST_MEMORY).prefault('2GiB'),
  /** A model without a request for this long is unloaded until its next one. Without it no model is unloaded. */
  idle: duration.optional(),
  /** Models of the repository or the registry that run in child processes: a crash of their library ends no server. */
  isolated: z.array(z.string().min(1)).default([]),
  /** Lets clients on this machine pass tensors in shared memory: a server with one process, and clients that it trusts. */
  sharedMemory: z.boolean().default(false),
  /** Name of the server in the metadata of the protocol. */
  serverName: z.string().min(1).default('headrace'),
  /** Rows that may wait for one version: of all callers, of the holder of one API key, and shares by the id of the key. */
  queue: z
    .strictObject({
      rows: z.int().min(1).default(16_384),
      rowsOfCaller: z.int().min(1).default(8_192),
      weights: z.record(z.string(), z.number().positive().max(1_000)).default({}),
    })
    .prefault({}),
  /** Memory of the answers of models whose configuration asks for a cache. */
  cache: size(0).prefault('64MiB'),
  /** Serves models that are Python programs, in processes of their own. Without it they are refused. */
  python: pythonOptions.optional(),
  /** Servers elsewhere that answer versions of models, by name: `headrace registry upstream` registers such versions. */
  upstreams: z
    .record(
      z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/, 'write small letters, digits, "_" and "-", a letter first'),
      z.strictObject({
        /** Its protocol: the Open Inference Protocol v2, or chat completions of OpenAI's API. */
        kind: z.enum(['oip', 'openai']),
        /** Without a path of the protocol. */
        url: z.url({ protocol: /^https?$/ }),
        /** The variable of the process that has its key. */
        key: z.strictObject({ env: z.string().min(1) }).optional(),
        /** A call without an answer after this fails. */
        timeout: duration.default('30s'),
        /** Calls at once. */
        concurrency: z.int().min(1).max(1_024).default(16),
      }),
    )
    .default({}),
});

/** Options of one environment; every one has a default, so `{}` is a whole environment: everything embedded. */
const environmentSchema = z.strictObject({
  /**
   * The project's part of shared services: it begins every key of a shared store, and names a folder below `directory`.
   * Without it the project's name begins the keys, and the files are in `directory` itself.
   */
  namespace: z
    .string()
    // Small letters: some file systems take others for the same.
    .regex(/^[a-z][a-z0-9_-]{0,62}$/, 'write small letters, digits, "_" and "-", a letter first')
    .optional(),
  /** Where the embedded stores keep their files. */
  directory: z.string().min(1).default('.headrace'),
  /** Partitions of each topic of the event log; fixed once the log exists. */
  partitions: z.int().min(1).max(256).default(4),
  /** Which failure an acknowledged event survives: the death of the process, or of the machine. */
  durability: z.enum(['process', 'power']).default('process'),
  log: logSchema.prefault({ kind: 'embedded' }),
  /** Topics of other services that a process that serves takes events from, by the source that they are of. */
  sources: z.record(z.string(), sourceSchema).default({}),
  engine: engineSchema.prefault({ kind: 'embedded' }),
  online: onlineSchema.prefault({ kind: 'embedded' }),
  offline: z
    .strictObject({
      /** Size of the offline store that is kept, per table. */
      bytes: size(1_000_000).prefault('200GB'),
      /**
       * Memory of DuckDB: a part of `memory`, at most half of it. Without it a quarter of `memory`, at most 256 MiB. A larger query
       * goes through the scratch directory.
       */
      memory: size(LEAST_HISTORY).optional(),
      engine: historySchema.prefault({ kind: 'embedded' }),
    })
    .prefault({}),
  registry: registrySchema.prefault({ kind: 'embedded' }),
  artifacts: artifactsSchema.prefault({ kind: 'directory' }),
  /** Sizes that the environment may have on the disk, and that a day may add. Without them there is no bound. */
  disk: z.strictObject({ bytes: size(10_000_000).optional(), bytesPerDay: size(100_000).optional() }).prefault({}),
  /** Where traces go, over OTLP/HTTP; without it, where the variables of OpenTelemetry say, or nowhere. */
  traces: z
    .strictObject({
      /** Base URL of a collector. */
      otlp: z.url({ protocol: /^https?$/ }).optional(),
      /** Share of the traces that begin here, 0.01 without it; a caller's `traceparent` says by itself. */
      sample: z.number().min(0).max(1).optional(),
    })
    .prefault({}),
  /** Where the figures of `/metrics` go in addition, under the names of OpenTelemetry; nowhere without `otlp`. */
  metrics: z
    .strictObject({
      /** Base URL of a collector, which takes OTLP over HTTP. */
      otlp: z.url({ protocol: /^https?$/ }).optional(),
      every: z.string().default('1m'),
    })
    .prefault({}),
  /** Profiles of every served vector, for the monitors: one for each process and interval. */
  profiles: z
    .strictObject({
      on: z.boolean().default(true),
      /** Length of an interval: what a process that is killed loses. `1s` to `1h`. */
      every: z.string().default('1m'),
    })
    .prefault({}),
  /** Share of served vectors that are logged for the skew audit, chosen by hash of the keys. */
  sampleRate: z.number().min(0).max(1).default(0.01),
  /**
   * Memory of a process, without the pages of files: bytes, or a text such as "1GiB". 256 MiB of it are for what does not grow with keys,
   * and `offline.memory` for queries of the history. Where it is left out: half of the control group's limit or a quarter of the machine,
   * shared by the processes of `serve --workers`, and 4 GiB at most.
   */
  memory: size(LEAST_MEMORY).optional(),
  /** Deprecated: keys for each view that the writer keeps in memory; `memory` is their bytes. */
  cacheKeys: z.int().min(1_000).optional(),
  /** Models without which a server is not ready; one that is not named here is only reported while it has no champion. */
  requiredModels: z.array(z.string()).default([]),
  /** Where prices of training come from: a command that writes them, and the folder or file that it writes. Nothing runs by itself. */
  prices: z
    .strictObject({
      refresh: z
        .strictObject({ command: z.array(z.string().min(1)).min(1).readonly(), from: z.string().min(1) })
        .optional(),
    })
    .prefault({}),
  models: modelsSchema.prefault({}),
  training: trainingSchema.prefault({}),
  /** Where incidents are sent. */
  alerts: alertsSchema.prefault({}),
});

/** The options of an environment in headrace.config.ts. */
export type EnvironmentOptions = z.input<typeof environmentSchema>;

/** An environment with all defaults filled; durations in ms. `directory` is that of the namespace. */
export type Environment = Omit<
  z.output<typeof environmentSchema>,
  'log' | 'memory' | 'cacheKeys' | 'models' | 'training' | 'offline' | 'profiles' | 'metrics'
> & {
  readonly models: Omit<z.output<typeof modelsSchema>, 'memory' | 'idle' | 'cache' | 'python' | 'upstreams'> & {
    readonly upstreams: Readonly<Record<string, UpstreamServer>>;
    /** null: models that are Python programs are refused. */
    readonly python: PythonOptions | null;
    readonly memoryBytes: number;
    readonly idleMs: number;
    readonly cacheBytes: number;
  };
  readonly training: Omit<z.output<typeof trainingSchema>, 'memory' | 'checkpoint'> & {
    readonly memoryBytes: number | undefined;
    readonly checkpointSeconds: number;
  };
  readonly profiles: { readonly on: boolean; readonly everyMs: number };
  readonly metrics: { readonly otlp?: string | undefined; readonly everyMs: number };
  /** Bytes that a process may keep in memory for data that grows with keys. */
  readonly memoryBytes: number;
  /** Bytes of V8's heap and buffers beyond which garbage is collected early. */
  readonly heapBytes: number;
  readonly offline: z.output<typeof environmentSchema>['offline'] & { readonly memory: number };
  /** The name of its project. */
  readonly project: string;
  readonly namespace: string;
  readonly log: z.output<typeof logSchema> & { readonly ageMs: number };
};

/** A server elsewhere that answers versions of models. */
export interface UpstreamServer {
  readonly kind: 'oip' | 'openai';
  readonly url: string;
  readonly key?: { readonly env: string };
  readonly timeoutMs: number;
  readonly concurrency: number;
}

/** A configuration: the project and its environments by name. */
export interface Config {
  readonly project: ProjectData;
  readonly environments: Readonly<Record<string, EnvironmentOptions>>;
}

/** Types a configuration; plain data otherwise. */
export function defineConfig<const C extends Config>(config: C): C {
  return Object.freeze(config);
}

/**
 * Checks the options of a project's environment and fills its defaults, once; `memoryOtherwise` is the memory of a process that names none.
 * Error: CONFIG_OPTION.
 */
export function resolveEnvironment(
  name: string,
  options: EnvironmentOptions,
  project: string,
  memoryOtherwise = defaultMemory(machineMemory(), 1),
): Environment {
  const parsed = environmentSchema.safeParse(options);
  if (!parsed.success) throw fail('CONFIG_OPTION', { name, reason: reasonOf(parsed.error) });
  const { log, namespace, directory, memory, cacheKeys, models, training, offline, profiles, metrics, ...rest } =
    parsed.data;
  if (memory !== undefined && cacheKeys !== undefined)
    throw fail('CONFIG_OPTION', { name, reason: 'cacheKeys: memory bounds the same; leave cacheKeys out' });
  checkEngine(name, rest.engine, log);
  if (tilesApart(rest) && log.kind !== 'kafka')
    throw fail('CONFIG_OPTION', {
      name,
      reason: 'online.writers: many processes read the log from Kafka; set log.kind to kafka',
    });
  checkTopics(name, rest.sources, log, namespace ?? project);
  const shares = memoryShares(name, { memory, cacheKeys, history: offline.memory, otherwise: memoryOtherwise });
  return Object.freeze({
    ...rest,
    project,
    namespace: namespace ?? project,
    directory: namespace === undefined ? directory : `${directory}/namespaces/${namespace}`,
    log: { ...log, ageMs: parseDuration(log.age, 'log.age') },
    memoryBytes: shares.keysBytes,
    heapBytes: shares.heapBytes,
    offline: { ...offline, memory: shares.historyBytes },
    models: resolvedModels(models),
    profiles: resolvedProfiles(name, profiles),
    metrics: { otlp: metrics.otlp, everyMs: parseDuration(metrics.every, 'metrics.every') },
    training: resolvedTraining(name, training),
  });
}

function resolvedProfiles(
  name: string,
  { on, every }: z.output<typeof environmentSchema>['profiles'],
): Environment['profiles'] {
  const everyMs = parseDuration(every, 'profiles.every');
  if (everyMs < 1_000 || everyMs > 3_600_000)
    throw fail('CONFIG_OPTION', { name, reason: `profiles.every: ${every} is not from 1s to 1h` });
  return { on, everyMs };
}

function resolvedTraining(
  name: string,
  { memory, checkpoint, ...rest }: z.output<typeof trainingSchema>,
): Environment['training'] {
  if (rest.budget !== undefined && rest.pricePerHour === 0)
    throw fail('CONFIG_OPTION', { name, reason: 'training.budget: a budget needs pricePerHour' });
  return {
    ...rest,
    memoryBytes: memory,
    checkpointSeconds: parseDuration(checkpoint, 'training.checkpoint') / 1000,
  };
}

function resolvedModels({
  memory,
  idle,
  cache,
  python,
  upstreams,
  ...rest
}: z.output<typeof modelsSchema>): Environment['models'] {
  return {
    ...rest,
    python: python === undefined ? null : resolvedPython(python),
    memoryBytes: memory,
    idleMs: idle === undefined ? Number.POSITIVE_INFINITY : parseDuration(idle, 'models.idle'),
    cacheBytes: cache,
    upstreams: Object.fromEntries(
      Object.entries(upstreams).map(([name, { timeout, key, ...server }]) => [
        name,
        {
          ...server,
          ...(key === undefined ? {} : { key }),
          timeoutMs: parseDuration(timeout, `models.upstreams.${name}.timeout`),
        },
      ]),
    ),
  };
}

/** Whether the tiles are written to the online store by other processes than the one that serves. */
export function tilesApart({ online }: Pick<Environment, 'online'>): boolean {
  return 'writers' in online && online.writers === 'many';
}

function reasonOf(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`).join('; ');
}
