import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

/** The first segment of a partition, which is empty until an event comes. */
const FIRST = '0000000000000000.log';

/** Whether a log in this directory has, or ever had, an event. */
export function hasEvents(path: string): boolean {
  if (!existsSync(path)) return false;
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.log'))
    .some((file) => basename(file) !== FIRST || statSync(join(path, file)).size > 0);
}
