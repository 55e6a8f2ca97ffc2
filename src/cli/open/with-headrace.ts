import { isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { environmentClock } from '../../environment/environment-clock.ts';
import type { Headrace } from '../../running/headrace.ts';
import type { Call } from '../command.ts';
import { type Ending, unlessStopped } from '../serve/ending.ts';
import { loadConfig } from './load-config.ts';

/** Opens the project of a call, works with it, and closes it whatever happens. */
export async function withHeadrace<T>(call: Call, work: (headrace: Headrace) => Promise<T>): Promise<T> {
  const headrace = await openHeadraceOf(call);
  try {
    return await work(headrace);
  } finally {
    await headrace.close();
  }
}

/** Opens the project of a call and serves it; closes it within the time of its ending. Errors: CLOSE_*, those of opening and work. */
export async function serveHeadrace(
  call: Call,
  ending: Ending,
  work: (headrace: Headrace) => Promise<void>,
): Promise<void> {
  const close = (opened: Headrace) => opened.close({ withinMs: ending.restMs() });
  const headrace = await unlessStopped(openHeadraceOf(call), ending, { close, report: reportTo(call) });
  if (headrace === null) return;
  try {
    await work(headrace);
  } finally {
    await close(headrace);
  }
}

async function openHeadraceOf(call: Call): Promise<Headrace> {
  // Loaded here, as in every command: help and commands that need no project do without it.
  const { Headrace } = await import('../../running/headrace.ts');
  const { project, environment } = await loadConfig(call);
  const clock = environmentClock(environment.directory, { keeps: true });
  return Headrace.open({ project, environment, clock, onFault: reportTo(call) });
}

function reportTo({ terminal }: Call): (error: unknown) => void {
  return (error) => {
    terminal.err(`headrace: ${reasonOf(error)}`);
    if (isHeadraceError(error)) terminal.err(`  ${error.hint}`);
  };
}
