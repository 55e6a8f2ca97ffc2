import { defineConfig } from 'headrace';
import project from '../../examples/personalisation/declaration.ts';

const listed = (name: string) => (process.env[name] ?? '').split(',');

/** The personalisation example on Kafka, Flink and a Redis Cluster, where the run's variables say they are. */
export default defineConfig({
  project,
  environments: {
    together: {
      directory: process.env['RUN_DIRECTORY'] ?? '.headrace/together',
      namespace: process.env['RUN_NAMESPACE'] ?? 'together',
      sampleRate: 0,
      log: { kind: 'kafka', brokers: listed('KAFKA_BROKERS') },
      sources: {
        clicks: { kind: 'kafka', brokers: listed('KAFKA_BROKERS'), topic: process.env['RUN_TOPIC'] ?? 'clicks' },
      },
      engine: {
        kind: 'flink',
        gateway: process.env['FLINK_GATEWAY'] ?? '',
        cluster: process.env['FLINK_REST'] ?? '',
      },
      online: { kind: 'redis', url: listed('REDIS_CLUSTER_NODES') },
    },
  },
});
