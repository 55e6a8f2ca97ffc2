import { randomUUID } from 'node:crypto';
import type { RedisOptions } from '../../src/backends/redis/redis-options.ts';

/** What scripts/services started, as its variables tell; an absent one fails the suite: nothing passes untested. */
export function addressOf(
  variable:
    | 'REDIS_URL'
    | 'VALKEY_URL'
    | 'REDIS_CLUSTER_NODES'
    | 'KAFKA_BROKERS'
    | 'KAFKA_SASL_SSL'
    | 'KAFKA_SSL'
    | 'KAFKA_TLS'
    | 'FLINK_REST'
    | 'FLINK_GATEWAY'
    | 'SPARK_HOME'
    | 'SPARK_KAFKA_JARS'
    | 'SPARK_ONNX_JARS'
    | 'SPARK_MASTER'
    | 'SPARK_CONNECT'
    | 'SPARK_CONNECT_TOKEN'
    | 'SPARK_SCORE'
    | 'SPARK_SCORE_TOKEN'
    | 'SPARK_SCORE_PYTHON'
    | 'SPARK_SCORE_INTERPRETER'
    | 'S3_ENDPOINT'
    | 'SLURM_CONF'
    | 'SLURM_PATH'
    | 'SLURM_LIBRARIES'
    | 'SKYPILOT_PYTHON'
    | 'TORCH_PYTHONPATH'
    | 'TORCH_LIBRARIES'
    | 'ALERTMANAGER_URL'
    | 'PROMTOOL'
    | 'POSTGRES_URL'
    | 'MLFLOW_2'
    | 'MLFLOW_3'
    | 'MLFLOW_MODELS'
    | 'MLFLOW_TORCH'
    | 'PYTHON_CLIENT_2'
    | 'PYTHON_CLIENT_3'
    | 'VERSITYGW'
    | 'CHROMIUM'
    | 'CHROMIUM_LIBRARIES',
): readonly string[] {
  const value = process.env[variable];
  if (value === undefined) throw new Error(`${variable} is not set: run npm run test:services`);
  return value.split(',');
}

/** Options of a store that nobody else has: its own prefix. */
export function freshOptions(urls: readonly string[], more: Partial<RedisOptions> = {}): RedisOptions {
  const prefix = `test-${randomUUID().slice(0, 8)}`;
  return { urls, cluster: urls.length > 1, prefix, tls: null, timeoutMs: 2_000, ...more };
}
