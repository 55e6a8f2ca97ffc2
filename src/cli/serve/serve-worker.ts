import cluster from 'node:cluster';
import { settlesWithin } from '../../base/closing.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { every } from '../../base/ticking.ts';
import { environmentClock } from '../../environment/environment-clock.ts';
import { waitingShares } from '../../environment/memory-shares.ts';
import type { TableAppend } from '../../ports/offline-store.ts';
import { followChanges } from '../../running/follow-changes.ts';
import type { Headrace } from '../../running/headrace.ts';
import { insideOf } from '../../running/inside.ts';
import type { Reader } from '../../running/reader.ts';
import type { RunningGrpc } from '../../server/grpc/grpc-server.ts';
import type { ListenOptions } from '../../server/listen-options.ts';
import type { PredictionLink } from '../../server/workers/prediction-link.ts';
import type { PredictionServer } from '../../server/workers/prediction-server.ts';
import { loadConfig } from '../open/load-config.ts';
import { serveHeadrace } from '../open/with-headrace.ts';
import { type Ending, endingOf, endSoon, unlessStopped } from './ending.ts';
import { FOLLOW_MS, limitsOf, openCommands, type ServeCall } from './run-server.ts';
import { type Channel, MOST_ROWS, openChannel } from './worker-channel.ts';
import type { FromWorker, WorkerPart } from './worker-part.ts';

const TICK_MS = 1_000;

/** How often the writer looks whether there is something for the readers to see, ms. */
const SHARE_MS = 100;

/** One process of a group: the one that writes, or one of those that read. */
export async function runWorker(call: ServeCall, listen: ListenOptions, part: WorkerPart): Promise<void> {
  // Before anything is opened, so that no message is lost.
  const channel = openChannel();
  const ending = endingOf(call, channel.stopped);
  try {
    await (part.role === 'writer' ? runWriter : runReader)(call, listen, part, channel, ending);
  } finally {
    // An open channel keeps a process alive.
    cluster.worker?.disconnect();
    endSoon();
  }
}

/** Takes the forwarded requests of readers, and commits often enough for them. */
async function runWriter(
  call: ServeCall,
  listen: ListenOptions,
  part: WorkerPart,
  channel: Channel,
  ending: Ending,
): Promise<void> {
  await serveHeadrace(call, ending, async (headrace) => {
    const { startReadServer, startServer } = await import('../../server/http-server.ts');
    const { Group } = await import('../../server/workers/group.ts');
    const report = (error: unknown) => call.terminal.err(`headrace: ${String(error)}`);
    const group = new Group(part.members, part.restarts);
    const commands = await openCommands(call, headrace, report, group);
    const options = { ...listen, port: 0, ...limitsOf(call), jobs: commands.jobs, closeWithinMs: ending.answersMs };
    const forwarded = await startServer(headrace, { ...options, group, socketPath: part.writer ?? '' });
    const asked = await startReadServer(headrace, { ...options, socketPath: socketOf(part) });
    const taken = await takePredictions(headrace, part);
    channel.takeBy((message) => {
      if (message.kind !== 'served') return;
      const { features, profiles } = insideOf(headrace);
      features.takeServed(message.tables);
      void profiles.take(message.profiles).catch(report);
    });
    await headrace.takeTopics();
    send({ kind: 'ready', url: '' });
    const timers = [
      every(TICK_MS, () => headrace.tick(), report),
      every(SHARE_MS, () => insideOf(headrace).features.share(), report),
      every(FOLLOW_MS, () => followChanges(headrace), report),
    ];
    await ending.stopped;
    const stopping = Promise.all([...timers.map((timer) => timer.stop()), commands.close()]);
    await Promise.all([forwarded.close(), asked.close(), settlesWithin(stopping, ending.answersMs)]);
    await taken.close();
  });
}

/** Takes the predictions of readers into the log, and lets the readers follow what changes. */
async function takePredictions(headrace: Headrace, { predictions }: WorkerPart): Promise<PredictionServer> {
  const { openPredictionServer } = await import('../../server/workers/prediction-server.ts');
  const { models, appends } = insideOf(headrace);
  const server = await openPredictionServer({
    path: predictions ?? '',
    append: (batch) =>
      appends.noted(
        () => models.named(batch.model).log.append(batch.predictions),
        () => batch.predictions.length,
      ),
  });
  models.onChange(() => server.announce());
  return server;
}

/** Answers reads from the store and predictions by its own models, and forwards everything else to the writer. */
async function runReader(
  call: ServeCall,
  listen: ListenOptions,
  part: WorkerPart,
  channel: Channel,
  ending: Ending,
): Promise<void> {
  const { Reader } = await import('../../running/reader.ts');
  const { startReadServer } = await import('../../server/http-server.ts');
  const { Group } = await import('../../server/workers/group.ts');
  const { project, environment } = await loadConfig(call);
  const report = (error: unknown) => call.terminal.err(`headrace: ${reasonOf(error)}`);
  const later: { predicting?: Reader['predicting'] } = {};
  const mostBytes = waitingShares(environment.memoryBytes).predictionBytes;
  const link = await openLink(part, mostBytes, async () => later.predicting?.followAll(), report);
  const processes = part.members.filter(({ role }) => role === 'reader').length;
  const collectsProfiles = part.writer !== null;
  const place = {
    names: `${part.name}-`,
    collectsProfiles,
    ...(link === null ? {} : { worker: { sink: link, processes } }),
  };
  const clock = environmentClock(environment.directory, { keeps: false });
  const opening = Reader.open(project, environment, clock, report, place);
  const reader = await unlessStopped(opening, ending, { close: (opened) => opened.close(), report });
  if (reader === null) return;
  later.predicting = reader.predicting;
  await link?.join();
  const group = new Group(part.members, part.restarts);
  const options = { ...listen, ...limitsOf(call), closeWithinMs: ending.answersMs };
  const asked = await startReadServer(reader, { ...options, port: 0, socketPath: socketOf(part) });
  const server = await startReadServer(reader, {
    ...options,
    port: part.port,
    sharesPort: true,
    group,
    ...(part.writer === null ? {} : { writer: part.writer }),
  });
  const grpc = await startGrpcAt(part.grpcPort, reader, listen);
  let kept: readonly TableAppend[] = [];
  let keptProfiles: readonly Uint8Array[] = [];
  channel.takeBy((message) => {
    if (message.kind === 'restarts') group.restarts = message.restarts;
    else if (message.kind === 'returned') {
      kept = bounded([...message.tables, ...kept]);
      keptProfiles = boundedProfiles([...message.profiles, ...keptProfiles], (rows) => reader.loseProfiles(rows));
    }
  });
  send({ kind: 'ready', url: server.url });
  const hand = async (everything: boolean) => {
    if (part.writer === null) {
      // Nobody keeps its sample; its profiles go by the store.
      reader.drainServed();
      return;
    }
    const [tables, profiles] = [[...kept, ...reader.drainServed()], keptProfiles];
    [kept, keptProfiles] = [[], []];
    if (tables.length + profiles.length > 0) send({ kind: 'served', tables, profiles });
    await reader.handProfiles(everything, async (rows) => send({ kind: 'served', tables: [], profiles: rows }));
    reader.noteProfiles();
  };
  const follow = async () => {
    await link?.join();
    await reader.predicting?.follow();
  };
  const timers = [
    every(TICK_MS, () => reader.tick().finally(() => hand(false)), report),
    every(FOLLOW_MS, follow, report),
  ];
  await ending.stopped;
  await Promise.all([server.close(), asked.close(), grpc?.close()]);
  await settlesWithin(Promise.all(timers.map((timer) => timer.stop())), ending.restMs());
  await hand(true);
  await settlesWithin(reader.close(), ending.restMs());
  link?.close();
}

/** The way to the log of the writer; null: there is no writer. */
async function openLink(
  { predictions }: WorkerPart,
  mostBytes: number,
  follow: () => Promise<void>,
  onFault: (error: unknown) => void,
): Promise<PredictionLink | null> {
  if (predictions === null) return null;
  const { PredictionLink } = await import('../../server/workers/prediction-link.ts');
  return new PredictionLink({ path: predictions, mostBytes, follow, onFault });
}

/** Serves gRPC on a port that the readers share. */
async function startGrpcAt(port: number | null, served: Reader, listen: ListenOptions): Promise<RunningGrpc | null> {
  if (port === null) return null;
  const { startGrpc } = await import('../../server/grpc/grpc-server.ts');
  return startGrpc(served, { ...listen, port, sharesPort: true });
}

function socketOf({ name, members }: WorkerPart): string {
  return members.find((member) => member.name === name)?.socket ?? '';
}

function send(message: FromWorker): void {
  process.send?.(message);
}

/** The newest tables, up to a number of rows. */
function bounded(tables: readonly TableAppend[]): readonly TableAppend[] {
  let rows = 0;
  return tables.filter((table) => {
    rows += table.rows;
    return rows <= MOST_ROWS;
  });
}

/** Bytes of rows of profiles that a process keeps while nobody takes them. */
const MOST_PROFILE_BYTES = 256 * 2 ** 20;

/** The newest rows, up to a number of bytes. */
function boundedProfiles(rows: readonly Uint8Array[], lose: (rows: number) => void): readonly Uint8Array[] {
  let bytes = 0;
  const kept = rows.toReversed().filter(({ length }) => {
    bytes += length;
    return bytes <= MOST_PROFILE_BYTES;
  });
  lose(rows.length - kept.length);
  return kept.toReversed();
}
