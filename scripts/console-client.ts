import { mkdirSync, writeFileSync } from 'node:fs';
import project from '../examples/inference/declaration.ts';
import { generalOpenApi } from '../src/server/openapi.ts';
import { allRoutes } from '../src/server/routes/all-routes.ts';
import { root, runCommand } from './run-command.ts';

// Writes the types of the console's client from the description of the routes.
const folder = `${root}/console/.generated`;
mkdirSync(folder, { recursive: true });
writeFileSync(`${folder}/openapi.json`, JSON.stringify(generalOpenApi(project, allRoutes), null, 1));
const { code, output } = await runCommand(
  `${root}/console/node_modules/.bin/openapi-typescript`,
  ['.generated/openapi.json', '-o', '.generated/api.d.ts'],
  {
    cwd: `${root}/console`,
  },
);
if (code !== 0) console.error(output);
process.exitCode = code;
