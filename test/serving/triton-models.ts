import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { servingData } from './serving-data.ts';

const IDENTITY = `
name: "simple_identity"
backend: "identity"
max_batch_size: 8
input [ { name: "INPUT0" data_type: TYPE_STRING dims: [ -1 ] } ]
output [ { name: "OUTPUT0" data_type: TYPE_STRING dims: [ -1 ] } ]
`;

/** A copy of the shared Triton models with the built-in identity; gives the folder. */
export function tritonModels(directory: string): string {
  const folder = join(directory, 'models');
  cpSync(fileURLToPath(new URL('models/triton', servingData)), folder, { recursive: true });
  mkdirSync(join(folder, 'simple_identity', '1'), { recursive: true });
  writeFileSync(join(folder, 'simple_identity', 'config.pbtxt'), IDENTITY);
  return folder;
}
