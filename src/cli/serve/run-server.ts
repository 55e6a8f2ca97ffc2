import { settlesWithin } from '../../base/closing.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { every } from '../../base/ticking.ts';
import { environmentClock } from '../../environment/environment-clock.ts';
import { consoleAddress } from '../../ports/console-address.ts';
import { followChanges } from '../../running/follow-changes.ts';
import type { Headrace } from '../../running/headrace.ts';
import { insideOf } from '../../running/inside.ts';
import type { RunningGrpc } from '../../server/grpc/grpc-server.ts';
import type { RunningServer } from '../../server/http-server.ts';
import type { JobBoard } from '../../server/jobs/job-board.ts';
import type { ListenOptions } from '../../server/listen-options.ts';
import type { ServedProject } from '../../server/served-project.ts';
import type { Group } from '../../server/workers/group.ts';
import type { Call } from '../command.ts';
import { openControl } from '../link/control-socket.ts';
import { loadConfig } from '../open/load-config.ts';
import { serveHeadrace } from '../open/with-headrace.ts';
import { flag, option } from '../options/option.ts';
import { size } from '../options/option-kinds.ts';
import { endingOf, endingOptions, endSoon, unlessStopped } from './ending.ts';
import { historyProgram } from './history-program.ts';
import { namedOptions, port } from './listen-options-of.ts';
import { startMonitor, startRegistryChild } from './served-children.ts';

const TICK_MS = 1_000;

/** How often the process that writes looks whether readers of this machine wait for a commit, ms. */
const SHARE_MS = 100;

/** How often a process looks whether another one changed a rollout, ms: a roll back reaches every caller within a second. */
export const FOLLOW_MS = 250;

export const serverOptions = {
  port: option(port, 'port to listen on; 0 for a free one', 8080),
  'body-limit': option(size(1_024, 2 ** 30), 'largest body taken', 4 * 2 ** 20),
  'spine-limit': option(size(1_024, 2 ** 40), 'largest spine of a training set taken', 256 * 2 ** 20),
  ...namedOptions,
  ...endingOptions,
  'no-console': flag('browsers get no console at /'),
  'grpc-port': option(
    port,
    'port of the Open Inference Protocol over gRPC; 0 for a free one; without it there is none',
  ),
};

/** A call of a command that serves. */
export type ServeCall = Call<typeof serverOptions>;

/**
 * Serves a project until the call is asked to stop; does what is due once a second. Stops cleanly: nothing is lost, and what is not
 * committed in time is named. Errors: CLOSE_*.
 */
export async function runServer(
  call: ServeCall,
  listen: ListenOptions,
  started: (server: RunningServer, services: readonly string[]) => void,
): Promise<void> {
  const ending = endingOf(call);
  await serveHeadrace(call, ending, async (headrace) => {
    const { startServer } = await import('../../server/http-server.ts');
    const report = reportTo(call);
    const commands = await openCommands(call, headrace, report);
    const server = await startServer(headrace, {
      ...listen,
      port: call.options.port,
      ...limitsOf(call),
      jobs: commands.jobs,
      closeWithinMs: ending.answersMs,
    });
    const registry = await startRegistryChild(call, pageOf(call, server.url));
    const grpc = await startGrpcIfAsked(call, headrace, listen);
    await headrace.takeTopics();
    started(
      server,
      headrace.project.services.map(({ name }) => name),
    );
    const { features } = insideOf(headrace);
    const share = async () => {
      if (features.hasReaders) await features.share();
    };
    const timers = [every(TICK_MS, () => headrace.tick(), report), every(SHARE_MS, share, report)];
    timers.push(every(FOLLOW_MS, () => followChanges(headrace), report));
    await ending.stopped;
    const stopping = Promise.all([...timers.map((timer) => timer.stop()), commands.close(), registry?.stop()]);
    await Promise.all([server.close(), grpc?.close(), settlesWithin(stopping, ending.answersMs)]);
  }).finally(endSoon);
}

/** Serves what another process writes, until the call is asked to stop. */
export async function runReadServer(
  call: ServeCall,
  listen: ListenOptions,
  started: (server: RunningServer) => void,
): Promise<void> {
  const { Reader } = await import('../../running/reader.ts');
  const { startReadServer } = await import('../../server/http-server.ts');
  const { project, environment } = await loadConfig(call);
  const report = reportTo(call);
  const ending = endingOf(call);
  try {
    const clock = environmentClock(environment.directory, { keeps: false });
    const opening = Reader.open(project, environment, clock, report);
    const reader = await unlessStopped(opening, ending, { close: (opened) => opened.close(), report });
    if (reader === null) return;
    try {
      const options = { ...listen, port: call.options.port, ...limitsOf(call), closeWithinMs: ending.answersMs };
      const server = await startReadServer(reader, options);
      started(server);
      const grpc = await startGrpcIfAsked(call, reader, listen);
      const ticking = every(TICK_MS, () => reader.tick(), report);
      await ending.stopped;
      await Promise.all([server.close(), grpc?.close(), settlesWithin(ticking.stop(), ending.answersMs)]);
    } finally {
      await settlesWithin(reader.close(), ending.restMs());
    }
  } finally {
    endSoon();
  }
}

/** Serves gRPC where the call asks for it. Errors: SERVER_GRPC, SERVER_ADDRESS. */
async function startGrpcIfAsked(
  call: ServeCall,
  served: ServedProject,
  listen: ListenOptions,
): Promise<RunningGrpc | null> {
  const asked = call.options['grpc-port'];
  if (asked === undefined) return null;
  const { startGrpc } = await import('../../server/grpc/grpc-server.ts');
  const grpc = await startGrpc(served, { ...listen, port: asked });
  call.terminal.out(`gRPC on ${grpc.address}`);
  return grpc;
}

export function grpcLine(host: string, port: number): string {
  return `gRPC on ${host}:${port}`;
}

/** Lets commands work through a process that writes. */
export interface Commands {
  readonly jobs: JobBoard;
  /** Cancels the jobs, and ends when none runs. */
  close(): Promise<void>;
}

/** Has training sets written by processes of their own, and answers the commands of this user: of a group, for all of it. */
export async function openCommands(
  call: ServeCall,
  headrace: Headrace,
  report: (error: unknown) => void,
  group?: Group,
): Promise<Commands> {
  const { clearHistoryScratch } = await import('../../site/history-files.ts');
  const { JobBoard } = await import('../../server/jobs/job-board.ts');
  insideOf(headrace).training.writeSetsBy(historyProgram(call, () => clearHistoryScratch(headrace)));
  const jobs = new JobBoard();
  const control = await openControl(
    headrace,
    { ...limitsOf(call), jobs, ...(group === undefined ? {} : { group }) },
    report,
  );
  const watched = headrace.project.models.some(
    ({ monitors, playbook }) => monitors.length > 0 || Object.keys(playbook).length > 0,
  );
  const monitor = watched ? startMonitor(call, report) : null;
  const close = async () => {
    await monitor?.stop();
    await jobs.close();
    await control?.close();
  };
  return { jobs, close };
}

/** Prints what goes wrong between calls, as the other processes do. */
function reportTo({ terminal }: Call): (error: unknown) => void {
  return (error) => terminal.err(`headrace: ${reasonOf(error)}`);
}

/** The address of the console of a server; null: the call leaves it out. */
export function pageOf({ options }: ServeCall, url: string): string | null {
  return options['no-console'] ? null : consoleAddress(url);
}

/** The largest bodies that a server takes, bytes, and whether it has the console. */
export function limitsOf({ options }: ServeCall): {
  readonly bodyLimit: number;
  readonly spineLimit: number;
  readonly console: boolean;
} {
  return { bodyLimit: options['body-limit'], spineLimit: options['spine-limit'], console: !options['no-console'] };
}
