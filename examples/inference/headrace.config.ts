import { defineConfig } from 'headrace';
import project from './declaration.ts';

/** The environment that an inference example made, for commands of `headrace`. */
export default defineConfig({
  project,
  environments: { local: { directory: process.env['FLIGHTS_DIRECTORY'] ?? '.headrace/inference', partitions: 2 } },
});
