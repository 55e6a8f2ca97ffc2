import { defineConfig } from 'headrace';
import { slowProject } from './project.ts';

/** The environment is where the test says. */
export default defineConfig({
  project: slowProject,
  environments: { local: { directory: process.env['BESIDE_DIRECTORY'] ?? '', partitions: 1 } },
});
