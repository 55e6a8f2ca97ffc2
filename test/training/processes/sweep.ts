import { runCurves } from '../run-curves.ts';

/** Runs the sweep of curves in the folder that its argument names. */
const [, , folder = '', sweep = '{}'] = process.argv;
process.stdout.write(`${JSON.stringify(await runCurves(folder, JSON.parse(sweep)))}\n`);
