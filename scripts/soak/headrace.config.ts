import { defineConfig } from 'headrace';
import { project } from './project.ts';

/** The project of the soak in its directory. */
export default defineConfig({
  project,
  environments: { local: { directory: process.env['RUN_DIRECTORY'] ?? '.headrace/soak', sampleRate: 0.01 } },
});
