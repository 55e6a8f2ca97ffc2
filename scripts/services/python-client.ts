import { pythonWith } from './python.ts';
import type { Service } from './service.ts';
import { versions } from './versions.ts';

/** An interpreter with the libraries that the Python client is tested with. */
function pythonClient(name: string, variable: string, { version, packages }: PythonSet): Service {
  const found = async () => ({ [variable]: await pythonWith(`client-${version}`, packages) });
  return {
    name,
    sets: [variable],
    isDeep: true,
    async fetch() {
      await found();
    },
    up: found,
    async down() {},
    status: found,
  };
}

interface PythonSet {
  readonly version: string;
  readonly packages: readonly string[];
}

export const pythonClient2 = pythonClient('python-client-2', 'PYTHON_CLIENT_2', versions.pythonClient2);
export const pythonClient3 = pythonClient('python-client-3', 'PYTHON_CLIENT_3', versions.pythonClient3);
