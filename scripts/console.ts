import { buildConsole } from './build-console.ts';

// Builds the console where it is not the one of these sources: `npm start` runs it first.
const { code, output } = await buildConsole();
if (code !== 0) console.error(output);
process.exitCode = code;
