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
      online: { kind: 'redis', url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' },
    },
  },
});
