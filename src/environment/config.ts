import { z } from 'zod';
import { fail } from '../base/errors/fail.ts';
import { parseDuration } from '../base/time.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import type { FunctionModel } from '../features/define/function-model.ts';

/** Bytes of memory without an option, and at least. */
const DEFAULT_MEMORY = 2 ** 30;
const LEAST_MEMORY = 16 * 2 ** 20;

/** About what a process takes of its own without any key. */
const PROCESS_BYTES = 256 * 2 ** 20;

/** Of the rest, the share of what grows with keys: the garbage that V8 has not collected yet takes the others. */
const KEYS_SHARE = 0.8;

/** Bytes for each of the `cacheKeys` that an environment still names. */
const CACHE_KEY_BYTES = 4_096;

const SIZE = /^([1-9]\d*)(MiB|GiB|MB|GB)$/;
const UNITS: Readonly<Record<string, number>> = { MiB: 2 ** 20, GiB: 2 ** 30, MB: 1e6, GB: 1e9 };

const size = z
  .string()
  .regex(SIZE, 'write a size such as "512MiB" or "2GiB"')
  .refine((text) => sizeBytes(text) >= LEAST_MEMORY, 'write at least "16MiB"');

function sizeBytes(text: string): number {
  const [, count = '', unit = ''] = SIZE.exec(text) ?? [];
  return Number(count) * (UNITS[unit] ?? Number.NaN);
}

const duration = z.string().regex(/^[1-9]\d*(ms|s|m|h|d)$/, 'write a duration such as "7d"');

/** A secret is named, never written: the variable of the process that has it. */
const secret = z.strictObject({ env: z.string().min(1) });

const redisUrl = z
  .string()
  .regex(
    /^rediss?:\/\/[^@]+$/,
    'write redis://host:port or rediss://host:port; a password is online.password: { env: NAME }',
  );

/** Files in PEM form: what is trusted in place of the system's authorities, and what the client shows. */
const tlsFiles = z
  .strictObject({
    ca: z.string().min(1).optional(),
    cert: z.string().min(1).optional(),
    key: z.string().min(1).optional(),
    /** The name that the server's certificate is for, where it is not the host. */
    servername: z.string().min(1).optional(),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), 'write cert and key, or neither');

/** Files of TLS as they are written. */
export type TlsFiles = Readonly<z.output<typeof tlsFiles>>;

/** Where the newest tiles are. */
const onlineSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('embedded') }),
  z.strictObject({
    kind: z.literal('redis'),
    /** One server, or some nodes of a cluster. */
    url: redisUrl.or(z.array(redisUrl).min(1)),
    /** Whether it is a cluster; an array of URLs is one. */
    cluster: z.boolean().optional(),
    username: z.string().optional(),
    password: secret.optional(),
    tls: tlsFiles.optional(),
    /** A call without an answer after this fails. */
    timeout: duration.default('1s'),
    /** Who writes the tiles of an engine beside: the process that serves, or as many of `headrace tiles write` as run. */
    writers: z.enum(['one', 'many']).default('one'),
  }),
]);

/** Where deliveries are kept in order; how long and how much, per source. Never past what a store has not yet taken. */
const logBounds = {
  age: duration.default('7d'),
  bytes: z.int().min(1_000_000).default(20_000_000_000),
} as const;

/** How a cluster of Kafka is reached. */
const kafkaFields = {
  kind: z.literal('kafka'),
  /** Some brokers of the cluster. */
  brokers: z.array(z.string().regex(/^[^\s/]+:\d{1,5}$/, 'write host:port')).min(1),
  /** Who the client says it is; without it nobody. */
  sasl: z
    .strictObject({
      mechanism: z.enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']),
      username: z.string().min(1),
      password: secret,
    })
    .optional(),
  /** Without it the wire is not encrypted; `{}` trusts what the system trusts. */
  tls: tlsFiles.optional(),
  /** A request without an answer after this fails. */
  timeout: duration.default('10s'),
} as const;

const logSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('embedded').default('embedded'), ...logBounds }),
  z.strictObject({
    ...kafkaFields,
    /** Copies of each partition of a topic that is made here. */
    replicas: z.int().min(1).max(32_767).default(1),
    ...logBounds,
  }),
]);

/** How the values of a topic are written. */
const formatSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('json') }),
  z.strictObject({
    kind: z.literal('schemaRegistry'),
    url: z
      .string()
      .regex(
        /^https?:\/\/[^\s@?#]+$/,
        'write http://host:port or https://host:port; a password is format.password: { env: NAME }',
      ),
    /** Who the client says it is; without it nobody. */
    username: z.string().min(1).optional(),
    password: secret.optional(),
    /** A bearer token, in place of a user. */
    token: secret.optional(),
    tls: tlsFiles.optional(),
    /** A request without an answer after this fails, and is repeated. */
    timeout: duration.default('10s'),
  }),
]);

/** A topic that other services write, and that the events of a source are taken from. */
const sourceSchema = z.strictObject({
  ...kafkaFields,
  topic: z.string().regex(/^[A-Za-z0-9._-]{1,249}$/, 'write the name of a topic of Kafka'),
  /** How its records are written: plain JSON, or in the wire format of a schema registry. */
  format: formatSchema.prefault({ kind: 'json' }),
});

/** Settings of Spark by their names. */
const sparkConf = z
  .record(z.string().regex(/^spark\./, 'a setting of Spark begins with "spark."'), z.string())
  .default({});

/** A Spark: where it is and where it runs. */
const sparkFields = {
  kind: z.literal('spark'),
  /** The folder of a Spark 4, with bin/spark-submit. */
  home: z.string().min(1),
  /** Where it runs. */
  master: z
    .string()
    .regex(/^(local(\[.*\])?|yarn|spark:\/\/.+|k8s:\/\/.+)$/, 'write local[*], spark://host:port, yarn or k8s://…')
    .default('local[*]'),
  /** Further settings of Spark, such as `spark.executor.memory`. */
  conf: sparkConf,
} as const;

/** What makes the tiles of stream views. */
const engineSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('embedded') }),
  z.strictObject({
    kind: z.literal('flink'),
    /** The SQL gateway, which takes the job. */
    gateway: z.url({ protocol: /^https?$/ }),
    /** The job manager, which runs it. */
    cluster: z.url({ protocol: /^https?$/ }),
    /** Time between two checkpoints of the job: answers say that they are up to so much older than they are. */
    checkpoint: duration.default('1s'),
  }),
  z.strictObject({
    ...sparkFields,
    /** Jars of its connector to Kafka, where they are not in its own folder. */
    jars: z.array(z.string().min(1)).default([]),
    /** In batches of what came since the last one; or event by event, of which Spark 4.3 is the first that can. */
    mode: z.enum(['microBatch', 'realTime']).default('microBatch'),
    /** Time between two checkpoints of the job, which in batches is that between two batches. */
    checkpoint: duration.default('1s'),
  }),
]);

/** What computes over the history: tiles in a backfill of a stream view, features of the training sets of models. */
const historySchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('embedded') }),
  z.strictObject(sparkFields),
  z.strictObject({
    kind: z.literal('sparkConnect'),
    /** A Connect server, which runs already. */
    url: z
      .string()
      .regex(
        /^sc:\/\/([^\s/:;@[\]]+|\[[0-9a-fA-F:]+\])(:\d{1,5})?$/,
        'write sc://host:port; a token is offline.engine.token: { env: NAME }',
      ),
    token: secret.optional(),
    /** Without it the wire is not encrypted; `{}` trusts what the system trusts. */
    tls: tlsFiles.optional(),
    /** Further settings of a session, such as `spark.sql.shuffle.partitions`. */
    conf: sparkConf,
  }),
]);

function isFunctionModel(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { name, inputs, outputs, run }: { name?: unknown; inputs?: unknown; outputs?: unknown; run?: unknown } = value;
  return typeof name === 'string' && Array.isArray(inputs) && Array.isArray(outputs) && typeof run === 'function';
}

/** The models that a server runs for callers who send tensors. */
const modelsSchema = z.strictObject({
  /** A folder as Triton lays it out: `<model>/config.pbtxt`, `<model>/<version>/model.onnx`. */
  repository: z.string().min(1).optional(),
  /** Models that are functions, made with `functionModel`. */
  functions: z.array(z.custom<FunctionModel>(isFunctionModel, 'write functionModel({…})')).default([]),
  /** When models are loaded: all of the repository at the start, each at its first request, or by calls alone. */
  load: z.enum(['start', 'request', 'explicit']).default('start'),
  /** Memory that loaded models may take together; the least recently used goes first. */
  memory: z.union([size, z.int().min(LEAST_MEMORY)]).default('2GiB'),
  /** A model without a request for so long is unloaded until its next one; without it none is. */
  idle: duration.optional(),
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
  cache: z.union([size, z.int().min(0)]).default('64MiB'),
});

/** Options of one environment; every one has a default, so `{}` is a whole environment: everything embedded. */
const environmentSchema = z.strictObject({
  /**
   * The project's part of what it shares with others: begins every key of a shared store, and is a folder of its own below
   * `directory`. Without it the project's name begins the keys, and the files lie in `directory` itself.
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
      /** Byte budget of the offline store, per table. */
      bytes: z.int().min(1_000_000).default(200_000_000_000),
      /** What DuckDB may hold in memory beside the process's own, bytes; a larger query goes through the scratch directory. */
      memory: z.int().min(64_000_000).default(268_435_456),
      engine: historySchema.prefault({ kind: 'embedded' }),
    })
    .prefault({}),
  /** What the environment may have on the disk together, and what a day may add to it; without them there is no bound. */
  disk: z
    .strictObject({ bytes: z.int().min(10_000_000).optional(), bytesPerDay: z.int().min(100_000).optional() })
    .prefault({}),
  /** Where traces go, over OTLP/HTTP; without it, where the variables of OpenTelemetry say, or nowhere. */
  traces: z
    .strictObject({
      /** Base URL of a collector. */
      otlp: z.url({ protocol: /^https?$/ }).optional(),
      /** Share of the traces that begin here, 0.01 without it; a caller's `traceparent` says by itself. */
      sample: z.number().min(0).max(1).optional(),
    })
    .prefault({}),
  /** Share of served vectors that are logged for the skew audit, chosen by hash of the keys. */
  sampleRate: z.number().min(0).max(1).default(0.01),
  /** Memory of a process, without the pages of files: bytes, or a text such as "1GiB". 256 MiB of it are for what does not grow with keys. */
  memory: z.union([size, z.int().min(LEAST_MEMORY)]).optional(),
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
});

/** What is written in headrace.config.ts for an environment. */
export type EnvironmentOptions = z.input<typeof environmentSchema>;

/** An environment with all defaults filled; durations in ms. `directory` is that of the namespace. */
export type Environment = Omit<z.output<typeof environmentSchema>, 'log' | 'memory' | 'cacheKeys' | 'models'> & {
  readonly models: Omit<z.output<typeof modelsSchema>, 'memory' | 'idle' | 'cache'> & {
    readonly memoryBytes: number;
    readonly idleMs: number;
    readonly cacheBytes: number;
  };
  /** The most bytes that a process keeps in memory of what grows with keys. */
  readonly memoryBytes: number;
  /** Whose environment it is. */
  readonly project: string;
  readonly namespace: string;
  readonly log: z.output<typeof logSchema> & { readonly ageMs: number };
};

/** A configuration: the project and its environments by name. */
export interface Config {
  readonly project: ProjectData;
  readonly environments: Readonly<Record<string, EnvironmentOptions>>;
}

/** Types a configuration; plain data otherwise. */
export function defineConfig<const C extends Config>(config: C): C {
  return Object.freeze(config);
}

/** Checks the options of a project's environment and fills its defaults, once. Error: CONFIG_OPTION. */
export function resolveEnvironment(name: string, options: EnvironmentOptions, project: string): Environment {
  const parsed = environmentSchema.safeParse(options);
  if (!parsed.success) throw fail('CONFIG_OPTION', { name, reason: reasonOf(parsed.error) });
  const { log, namespace, directory, memory, cacheKeys, models, ...rest } = parsed.data;
  if (memory !== undefined && cacheKeys !== undefined)
    throw fail('CONFIG_OPTION', { name, reason: 'cacheKeys: memory bounds the same; leave cacheKeys out' });
  checkEngine(name, rest.engine, log);
  if (tilesApart(rest) && rest.engine.kind === 'embedded')
    throw fail('CONFIG_OPTION', {
      name,
      reason: 'online.writers: many processes write what an engine beside makes; set engine',
    });
  checkToken(name, rest.offline.engine);
  for (const [source, { format }] of Object.entries(rest.sources))
    checkFormat(name, `sources.${source}.format`, format);
  checkTopics(name, rest.sources, log, namespace ?? project);
  return Object.freeze({
    ...rest,
    project,
    namespace: namespace ?? project,
    directory: namespace === undefined ? directory : `${directory}/namespaces/${namespace}`,
    log: { ...log, ageMs: parseDuration(log.age, 'log.age') },
    memoryBytes: memoryBytes(memory, cacheKeys),
    models: resolvedModels(models),
  });
}

function resolvedModels({ memory, idle, cache, ...rest }: z.output<typeof modelsSchema>): Environment['models'] {
  return {
    ...rest,
    memoryBytes: bytesOf(memory),
    idleMs: idle === undefined ? Number.POSITIVE_INFINITY : parseDuration(idle, 'models.idle'),
    cacheBytes: bytesOf(cache),
  };
}

function bytesOf(value: string | number): number {
  return typeof value === 'string' ? sizeBytes(value) : value;
}

/** The part of the memory that is for what grows with keys: most of what a process does not take without any, a quarter of all at least. */
function memoryBytes(memory: string | number = DEFAULT_MEMORY, cacheKeys?: number): number {
  if (cacheKeys !== undefined) return Math.max(LEAST_MEMORY, cacheKeys * CACHE_KEY_BYTES);
  const bytes = bytesOf(memory);
  return Math.floor(Math.max(bytes / 4, KEYS_SHARE * (bytes - PROCESS_BYTES)));
}

/** Refuses a required model that the project does not declare. Error: MODEL_UNKNOWN. */
export function checkRequiredModels({ models }: ProjectData, { requiredModels }: Environment): void {
  const known = models.map(({ name }) => name);
  const model = requiredModels.find((name) => !known.includes(name));
  if (model !== undefined) throw fail('MODEL_UNKNOWN', { model, known });
}

/** Whether the tiles are written to the online store by other processes than the one that serves. */
export function tilesApart({ online }: Pick<Environment, 'online'>): boolean {
  return online.kind === 'redis' && online.writers === 'many';
}

const ENGINES = { flink: 'Flink', spark: 'Spark' } as const;

/** Spark takes no shorter batches event by event, ms. */
const LEAST_REAL_TIME_MS = 5_000;

/** What engine and log have to be for each other. */
function checkEngine(name: string, engine: z.output<typeof engineSchema>, log: z.output<typeof logSchema>): void {
  if (engine.kind === 'embedded') return;
  const refuse = (reason: string) => fail('CONFIG_OPTION', { name, reason });
  const called = ENGINES[engine.kind];
  if (log.kind !== 'kafka') throw refuse(`engine: ${called} reads the log from Kafka; set log.kind to "kafka"`);
  if (log.tls?.servername !== undefined)
    throw refuse(`log.tls.servername: ${called}'s client takes no other name than that of each broker; leave it out`);
  if (engine.kind !== 'spark' || engine.mode === 'microBatch') return;
  if (parseDuration(engine.checkpoint, 'engine.checkpoint') < LEAST_REAL_TIME_MS)
    throw refuse('engine.checkpoint: write 5s or more where engine.mode is realTime');
}

/** A token is a secret: it stays on this machine, or goes over TLS. */
function checkToken(name: string, engine: z.output<typeof historySchema>): void {
  if (engine.kind !== 'sparkConnect' || engine.token === undefined || engine.tls !== undefined) return;
  if (/^sc:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|$)/.test(engine.url)) return;
  throw fail('CONFIG_OPTION', {
    name,
    reason: 'offline.engine.tls: a token goes to another machine over TLS only; write tls: {}',
  });
}

/** A registry gets one kind of credentials, whole, and from another machine over TLS only. */
function checkFormat(name: string, option: string, format: z.output<typeof formatSchema>): void {
  if (format.kind === 'json') return;
  const { url, username, password, token, tls } = format;
  const refuse = (reason: string) => fail('CONFIG_OPTION', { name, reason: `${option}${reason}` });
  if (!URL.canParse(url)) throw refuse('.url: write http://host:port or https://host:port');
  if ((username === undefined) !== (password === undefined)) throw refuse(': write username and password, or neither');
  if (username?.includes(':')) throw refuse('.username: a user of HTTP has no ":" in its name');
  if (token !== undefined && username !== undefined) throw refuse('.token: write it, or username and password');
  if (url.startsWith('https:')) return;
  if (tls !== undefined) throw refuse('.tls: write https:// in url, or leave tls out');
  if (token === undefined && username === undefined) return;
  if (/^http:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|\/|$)/.test(url)) return;
  throw refuse('.url: credentials go to another machine over TLS only; write https://');
}

/** What the log itself writes would come back without end. */
function checkTopics(
  name: string,
  sources: Readonly<Record<string, z.output<typeof sourceSchema>>>,
  log: z.output<typeof logSchema>,
  namespace: string,
): void {
  for (const [source, { topic, brokers }] of Object.entries(sources)) {
    const isOwn = topic.startsWith(`${namespace}.`) && /\.[A-Za-z0-9_-]+\.\d+$/.test(topic.slice(namespace.length));
    if (log.kind !== 'kafka' || !isOwn || !brokers.some((broker) => log.brokers.includes(broker))) continue;
    const reason = `sources.${source}.topic: ${topic} is a topic of the log itself; name one of another service`;
    throw fail('CONFIG_OPTION', { name, reason });
  }
}

function reasonOf(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`).join('; ');
}
