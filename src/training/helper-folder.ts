import { fileURLToPath } from 'node:url';

/** The folder of the Python helper: training programs find it by PYTHONPATH. */
export function helperFolder(): string {
  return fileURLToPath(new URL('./runner', import.meta.url));
}
