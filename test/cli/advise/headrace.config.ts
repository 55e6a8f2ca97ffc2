import { defineConfig } from 'headrace';
import { environmentIn, project } from '../../loop/prediction-project.ts';

/** The environment is where the test says. */
export default defineConfig({
  project,
  environments: { local: environmentIn(process.env['ADVISE_DIRECTORY'] ?? '') },
});
