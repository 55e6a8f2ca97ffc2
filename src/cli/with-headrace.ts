import { isHeadraceError } from '../base/errors/fail.ts';
import type { Headrace } from '../headrace.ts';
import type { Call } from './command.ts';
import { loadConfig } from './load-config.ts';

/** Opens the project of a call, works with it, and closes it whatever happens. */
export async function withHeadrace<T>(call: Call, work: (headrace: Headrace) => Promise<T>): Promise<T> {
  // Loaded here, as in every command: help and commands that need no project do without it.
  const { Headrace } = await import('../headrace.ts');
  const { project, environment } = await loadConfig(call);
  const headrace = await Headrace.open(project, environment, Date.now, (error) => {
    call.terminal.err(`headrace: ${error instanceof Error ? error.message : String(error)}`);
    if (isHeadraceError(error)) call.terminal.err(`  ${error.mend}`);
  });
  try {
    return await work(headrace);
  } finally {
    await headrace.close();
  }
}
