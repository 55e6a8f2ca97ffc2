import { defineConfig } from 'headrace';
import { shop } from './shop.ts';

/** The shop of the benches, served from a directory that was filled before. */
export default defineConfig({
  project: shop,
  environments: { local: { directory: process.env['BENCH_DIRECTORY'] ?? '.headrace', sampleRate: 0 } },
});
