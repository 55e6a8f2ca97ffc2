import { defineConfig } from 'headrace';
import project from './declaration.ts';

export default defineConfig({
  project,
  environments: { local: { directory: '.headrace/personalisation', sampleRate: 0.01 } },
});
