import { defineConfig } from 'headrace';
import project from '../../examples/personalisation/declaration.ts';

/** The personalisation example in the directory of the soak. */
export default defineConfig({
  project,
  environments: { local: { directory: process.env['RUN_DIRECTORY'] ?? '.headrace/soak', sampleRate: 0.01 } },
});
