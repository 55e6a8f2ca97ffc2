import { buildConsole } from '../scripts/build-console.ts';

/** Before the first test file: the console and the page of reports are those of these sources. */
export async function setup(): Promise<void> {
  const { code, output } = await buildConsole();
  if (code !== 0) throw new Error(output);
}
