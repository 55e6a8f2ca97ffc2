import { setTimeout as sleep } from 'node:timers/promises';
import { fail, type HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import type { Headrace } from '../../running/headrace.ts';
import type { StreamPlan } from '../../serving/streaming/plan-roller.ts';
import type { OutputPage } from '../../serving/streaming/read-outputs.ts';
import type { StreamStatus } from '../../serving/streaming/stream-status.ts';
import { type Call, command, served } from '../command.ts';
import { serverOf, serverOption } from '../link/server-link.ts';
import { auditedCommand } from '../open/audited-command.ts';
import { withHeadrace } from '../open/with-headrace.ts';
import { flag, option, parseValue } from '../options/option.ts';
import { duration, instant, list, or, text, version, whole } from '../options/option-kinds.ts';

type Stream = ReturnType<Headrace['stream']>;

/** A change as the server takes it, and as it is made here. */
interface Change {
  readonly body: { readonly action: string } & Readonly<Record<string, unknown>>;
  readonly here: (stream: Stream) => Promise<void>;
}

const BUCKETS = 10_000;

export const streamStatus = command({
  name: ['stream', 'status'],
  summary: 'shows positions, version map and open plan of a stream',
  words: '<stream>',
  arity: [1, 1],
  options: serverOption,
  run: async (call) => {
    const [name] = call.words;
    const server = await serverOf(call);
    const status =
      server === null
        ? await withHeadrace(call, async (headrace) => headrace.stream(name).status)
        : (JSON.parse(await server.ask('GET', pathOf('streams', name))) as StreamStatus);
    show(call, name, status);
  },
});

const rollOptions = {
  offsets: option(list(whole(0), 1), 'first offset of the version in each partition: 120,98,131'),
  at: option(instant, 'begin at the first record of this event time or later: epoch ms or a UTC date'),
  idle: option(duration, 'with --at: a partition without a record for this long does not wait for one (1m)'),
  replace: flag('take the place of an open plan'),
  immediate: flag('begin at the next record that nobody has begun'),
  buckets: option(whole(0, BUCKETS), 'as --immediate, for the keys of this number of 10,000 buckets only'),
  salt: option(text, 'of the buckets; a greater share of one salt only adds keys (the name of the stream)'),
  ...serverOption,
};

export const streamRoll = command({
  name: ['stream', 'roll'],
  summary: 'plans the cut-over of a stream to a version; without an option it begins at the end of each partition',
  words: '<stream> <version>',
  arity: [2, 2],
  options: rollOptions,
  run: (call) => {
    const cutOver = cutOverOf(call);
    const { replace } = call.options;
    const plan = {
      version: parseValue('version', version, call.words[1]),
      ...(cutOver === undefined ? {} : { cutOver }),
      ...(replace ? { replace } : {}),
    };
    return change(call, { body: { action: 'roll', ...plan }, here: (stream) => stream.roll(plan) });
  },
});

export const streamCommit = command({
  name: ['stream', 'commit'],
  summary: 'commits the open plan of a stream now, or names the partitions that it waits for',
  words: '<stream>',
  arity: [1, 1],
  options: serverOption,
  run: (call) => change(call, { body: { action: 'commit' }, here: (stream) => stream.commit() }),
});

export const streamAbort = command({
  name: ['stream', 'abort'],
  summary: 'ends the open plan of a stream without a trace',
  words: '<stream>',
  arity: [1, 1],
  options: serverOption,
  run: (call) => change(call, { body: { action: 'abort' }, here: (stream) => stream.abort() }),
});

export const streamCancel = command({
  name: ['stream', 'cancel'],
  summary: 'takes cut-overs that no partition of a stream has reached out of its version map, and ends an open plan',
  words: '<stream>',
  arity: [1, 1],
  options: serverOption,
  run: (call) => change(call, { body: { action: 'cancel' }, here: (stream) => stream.cancel() }),
});

export const streamShadow = command({
  name: ['stream', 'shadow'],
  summary: 'scores the records of a stream by another version too, into its own lane; none ends it',
  words: '<stream> <version>|none',
  arity: [2, 2],
  options: serverOption,
  run: (call) => {
    const word = parseValue('version', or('none', version), call.words[1]);
    const shadow = word === 'none' ? null : word;
    return change(call, { body: { action: 'shadow', version: shadow }, here: (stream) => stream.shadow(shadow) });
  },
});

export const streamReprocess = command({
  name: ['stream', 'reprocess'],
  summary: 'scores offsets of a partition again, a JSON line each; the outputs of the stream stay as they are',
  words: '<stream> <partition> <from> <to>',
  arity: [4, 4],
  options: {
    version: option(version, 'the one version for all; without it the version map decides'),
    ...serverOption,
  },
  run: async (call) => {
    const [name, ...numbers] = call.words;
    const [partition, from, to] = numbers.map((word) => parseValue('offset', whole(0), word));
    const { version: asked } = call.options;
    const range = { partition, from, to, ...(asked === undefined ? {} : { version: asked }) };
    const server = await serverOf(call);
    const outputs: readonly unknown[] =
      server === null
        ? await withHeadrace(call, (headrace) =>
            headrace.stream(name).reprocess(partition, { from, to, version: asked ?? null }),
          )
        : JSON.parse(await server.ask('POST', pathOf('stream-scores', name), range)).outputs;
    for (const output of outputs) call.terminal.out(JSON.stringify(output));
  },
});

/** Outputs of one read, and the pause before a look for new ones, ms. */
const PAGE = 1_000;
const LOOK_MS = 500;

const readOptions = {
  cursor: option(text, 'the cursor of an earlier read; without it the oldest outputs that are kept'),
  follow: flag('waits for new outputs until Ctrl-C, and for the server where it restarts'),
  ...serverOption,
};

export const streamRead = command({
  name: ['stream', 'read'],
  summary: 'prints the outputs of a stream, a JSON line each, and then the cursor of the next read',
  words: '<stream>',
  arity: [1, 1],
  stop: [served('with --follow')],
  options: readOptions,
  run: async (call) => {
    const [name] = call.words;
    const { cursor: from = null, follow } = call.options;
    const server = await serverOf(call);
    if (server === null && follow)
      throw fail('CLI_VALUE', { option: 'follow', value: 'true', wanted: 'a server that has the environment open' });
    if (server === null)
      return withHeadrace(call, (headrace) =>
        printOutputs(call, from, (at) => headrace.stream(name).outputs({ cursor: at, most: PAGE })),
      );
    const path = pathOf('stream-outputs', name);
    return printOutputs(call, from, async (at) => {
      const query = at === null ? '' : `&cursor=${encodeURIComponent(at)}`;
      return JSON.parse(await server.ask('GET', `${path}?limit=${PAGE}${query}`)) as OutputPage;
    });
  },
});

type ReadPage = (cursor: string | null) => Promise<OutputPage>;

async function printOutputs(
  { options: { follow: follows }, terminal }: Call<typeof readOptions>,
  from: string | null,
  read: ReadPage,
): Promise<void> {
  let isStopped = false;
  if (follows)
    terminal.stopped.then(() => {
      isStopped = true;
    });
  const pause = () => Promise.race([terminal.stopped, sleep(LOOK_MS)]);
  const readOn = follows ? patientRead(read, terminal) : read;
  for (let cursor = from; ; ) {
    const page = await readOn(cursor);
    for (const output of page?.outputs ?? []) terminal.out(JSON.stringify(output));
    cursor = page?.next ?? cursor;
    const isEnd = page?.isEnd ?? true;
    if (isStopped || (isEnd && !follows)) {
      if (cursor !== null) terminal.err(`headrace: continue with --cursor ${cursor}`);
      return;
    }
    if (isEnd) await pause();
  }
}

/** Reads that wait for a server that answered before: null while it is away. A failure that stays names the place to continue at. */
function patientRead(
  read: ReadPage,
  terminal: Call['terminal'],
): (cursor: string | null) => Promise<OutputPage | null> {
  let state: 'new' | 'reads' | 'away' = 'new';
  return async (cursor) => {
    try {
      const page = await read(cursor);
      state = 'reads';
      return page;
    } catch (error) {
      if (state === 'new') throw error;
      if (state === 'reads') terminal.err(`headrace: continue with --cursor ${cursor}`);
      if (!mayPass(error)) throw error;
      if (state === 'reads') terminal.err(`headrace: ${error.message}; waiting for it`);
      state = 'away';
      return null;
    }
  };
}

/** Whether another attempt may succeed: the server restarts, or is not ready. */
function mayPass(error: unknown): error is HeadraceError {
  return isHeadraceError(error) && error.retry !== 'never';
}

/** undefined: none is named. Error: CLI_VALUE. */
function cutOverOf({ words: [name], options }: Call<typeof rollOptions>): StreamPlan['cutOver'] {
  const { offsets, at, idle: idleMs, immediate, buckets, salt = name } = options;
  const named = [offsets, at, immediate || undefined, buckets].filter((one) => one !== undefined);
  if (named.length > 1)
    throw fail('CLI_VALUE', { option: 'roll', value: String(named[1]), wanted: 'one of the cut-overs' });
  if (idleMs !== undefined && at === undefined)
    throw fail('CLI_VALUE', { option: 'idle', value: duration.write(idleMs), wanted: 'the option --at next to it' });
  if (offsets !== undefined) return { kind: 'at-offset', offsets };
  if (at !== undefined) return { kind: 'at-event-time', at, ...(idleMs === undefined ? {} : { idleMs }) };
  if (buckets === undefined) return immediate ? { kind: 'immediate' } : undefined;
  return { kind: 'canary-keys', buckets, salt };
}

async function change(call: Call<typeof serverOption>, { body, here }: Change): Promise<void> {
  const [name] = call.words;
  const server = await serverOf(call);
  if (server !== null)
    return show(call, name, JSON.parse(await server.ask('POST', pathOf('streams', name), body)) as StreamStatus);
  const status = await withHeadrace(call, async (headrace) => {
    const stream = headrace.stream(name);
    await auditedCommand(headrace.directory, `stream ${body.action}`, call.words.slice(0, 2).join(' '), () =>
      here(stream),
    );
    return stream.status;
  });
  return show(call, name, status);
}

function show({ json, terminal }: Call, name: string, status: StreamStatus): void {
  if (json) return terminal.out(JSON.stringify(status));
  const { model, partitions, rollingTo, unacknowledged, shadow, plans } = status;
  terminal.out(`stream ${name} of model ${model}`);
  for (const [partition, { next, waiting, intervals }] of partitions.entries()) {
    const map = intervals.map(({ from, version, canary }) => {
      return `${from} → ${version}${canary === null ? '' : ` (${canary.version} for ${canary.buckets} of 10,000 buckets)`}`;
    });
    terminal.out(
      `  partition ${partition}: scored to ${next}, ${waiting} wait; versions from offset ${map.join(', ')}`,
    );
  }
  if (partitions.length === 0) terminal.out('  has no version yet');
  if (rollingTo !== null)
    terminal.out(`  rolls to version ${rollingTo}; waits for partition ${unacknowledged.join(', ') || 'none'}`);
  for (const { plan, version, phase, reached } of plans.slice(-3))
    terminal.out(
      `  plan ${plan}, version ${version}: ${phase}${phase === 'committed' && !reached ? ', not reached yet' : ''}`,
    );
  if (shadow !== null) terminal.out(`  shadow: version ${shadow}`);
}

function pathOf(what: 'streams' | 'stream-scores' | 'stream-outputs', name: string): string {
  return `/v1/${what}/${encodeURIComponent(name)}`;
}
