import { defineConfig } from 'headrace';
import project from './declaration.ts';

export default defineConfig({
  project,
  environments: {
    local: { directory: '.headrace/personalisation', sampleRate: 0.01 },
    /** Tiles in a Redis or Valkey. */
    redis: {
      directory: '.headrace/personalisation-redis',
      sampleRate: 0.01,
      // A user looks at few categories: what is known of them is kept with the user.
      online: { kind: 'redis', url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379', nested: ['taste'] },
    },
    /** Events in Kafka, tiles by Flink: where `headrace migrate copy --to cluster` moves the shop. */
    cluster: {
      namespace: 'shop',
      directory: '.headrace/personalisation-cluster',
      sampleRate: 0.01,
      log: { kind: 'kafka', brokers: (process.env['KAFKA_BROKERS'] ?? '127.0.0.1:9092').split(',') },
      engine: {
        kind: 'flink',
        cluster: process.env['FLINK_REST'] ?? 'http://127.0.0.1:8081',
        gateway: process.env['FLINK_GATEWAY'] ?? 'http://127.0.0.1:8083',
      },
      online: { kind: 'redis', url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379', nested: ['taste'] },
    },
  },
});
