import { once } from 'node:events';
import { killGroup } from './run-command.ts';
import { startVitest } from './vitest.ts';
import { whenInterrupted } from './when-interrupted.ts';

/** `npm test [-- ARGUMENTS]`: the tests that need no service. When a signal ends it, all of its processes end. */
const child = startVitest(process.argv.slice(2));
whenInterrupted(() => killGroup(child.pid));
const [code] = await once(child, 'exit');
killGroup(child.pid);
process.exit(typeof code === 'number' ? code : 1);
