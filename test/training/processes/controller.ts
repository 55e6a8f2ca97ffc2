import { runCount } from '../run-program.ts';

/** Runs the counting program in the folder that its argument names, and prints how it ended. */
const [, , folder = '', spec = '{}'] = process.argv;
const outcome = await runCount(folder, JSON.parse(spec), { backoffMs: 1 });
process.stdout.write(`${JSON.stringify(outcome)}\n`);
