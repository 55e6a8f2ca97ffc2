import { z } from 'zod';
import { parseDuration } from '../../base/time.ts';
import { duration, secret, tlsFiles } from '../../ports/options.ts';

/** Settings of Spark by their names. */
const sparkConf = z
  .record(z.string().regex(/^spark\./, 'a setting of Spark begins with "spark."'), z.string())
  .default({});

/** A Spark: where it is and where it runs. */
const sparkFields = {
  kind: z.literal('spark'),
  /** The folder of a Spark 4, with bin/spark-submit. */
  home: z.string().min(1),
  /** The master that runs it. */
  master: z
    .string()
    .regex(/^(local(\[.*\])?|yarn|spark:\/\/.+|k8s:\/\/.+)$/, 'write local[*], spark://host:port, yarn or k8s://…')
    .default('local[*]'),
  /** Further settings of Spark, such as `spark.executor.memory`. */
  conf: sparkConf,
} as const;

/** Spark takes no shorter batches event by event, ms. */
const LEAST_REAL_TIME_MS = 5_000;

/** Computes the tiles of stream views. */
export const sparkEngineOptions = z
  .strictObject({
    ...sparkFields,
    /** Jars of its connector to Kafka, unless they are in its own folder. */
    jars: z.array(z.string().min(1)).default([]),
    /** In batches; or event by event, from Spark 4.3 on. */
    mode: z.enum(['microBatch', 'realTime']).default('microBatch'),
    /** Time between two checkpoints of the job, which in batches is the time between two batches. */
    checkpoint: duration.default('1s'),
  })
  .refine(
    ({ mode, checkpoint }) =>
      mode === 'microBatch' || parseDuration(checkpoint, 'engine.checkpoint') >= LEAST_REAL_TIME_MS,
    { path: ['checkpoint'], error: 'write 5s or more where engine.mode is realTime' },
  );

/** Computes over the history, in an application of ours. */
export const sparkHistoryOptions = z.strictObject({
  ...sparkFields,
  /** The jar of ONNX Runtime for Java; with it, batch jobs can be scored inside the executors. */
  scoreJars: z.array(z.string().min(1)).default([]),
});

/** Computes over the history, on a Connect server that runs already. */
export const sparkConnectOptions = z
  .strictObject({
    kind: z.literal('sparkConnect'),
    url: z
      .string()
      .regex(
        /^sc:\/\/([^\s/:;@[\]]+|\[[0-9a-fA-F:]+\])(:\d{1,5})?$/,
        'write sc://host:port; a token is offline.engine.token: { env: NAME }',
      ),
    token: secret.optional(),
    /** Absent: the wire is not encrypted; `{}` trusts the authorities of the system. */
    tls: tlsFiles.optional(),
    /** The version of the executors' Python, as "3.12": with it, batch jobs are scored there, by its packages onnxruntime and pyarrow. */
    scorePython: z
      .string()
      .regex(/^3\.\d{1,2}$/, 'write the version of Python without its last number, as "3.12"')
      .optional(),
    /** Further settings of a session, such as `spark.sql.shuffle.partitions`. */
    conf: sparkConf,
  })
  // A token is a secret: it stays on this machine, or goes over TLS.
  .refine(
    ({ token, tls, url }) =>
      token === undefined || tls !== undefined || /^sc:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|$)/.test(url),
    { path: ['tls'], error: 'a token goes to another machine over TLS only; write tls: {}' },
  );
