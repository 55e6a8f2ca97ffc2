import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { every } from '../../base/ticking.ts';
import { allLabs } from '../../labs/all-labs.ts';
import { labAddress } from '../../labs/lab-address.ts';
import { labsProject } from '../../labs/online-features/declaration.ts';
import { openHeadrace } from '../../running/headrace.ts';
import { startServer } from '../../server/http-server.ts';
import type { Call } from '../command.ts';

const TICK_MS = 1_000;

/** Serves the labs and their console on this machine, until the call is asked to stop. Errors: LAB_UNKNOWN, SERVER_ADDRESS. */
export async function runLabs(
  { words: [lab], json, terminal }: Call,
  { port, directory }: { readonly port: number; readonly directory: string },
): Promise<void> {
  if (lab !== undefined && !allLabs.some(({ id }) => id === lab)) throw fail('LAB_UNKNOWN', { lab });
  const report = (error: unknown) => terminal.err(`headrace: ${reasonOf(error)}`);
  const headrace = await openHeadrace({ project: labsProject, environment: { directory }, onFault: report });
  try {
    const server = await startServer(headrace, { host: '127.0.0.1', port, bodyLimit: '1MiB', labs: true });
    const ticking = every(TICK_MS, () => headrace.tick(), report);
    const page = labAddress(server.url, lab);
    terminal.out(json ? JSON.stringify({ url: server.url, labs: page }) : `the labs are at ${page}; Ctrl-C stops`);
    await terminal.stopped;
    await ticking.stop();
    await server.close();
  } finally {
    await headrace.close();
  }
}
