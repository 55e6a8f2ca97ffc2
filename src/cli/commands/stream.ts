import { setTimeout as sleep } from 'node:timers/promises';
import { fail, type HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import { parseDuration } from '../../base/time.ts';
import type { Headrace } from '../../running/headrace.ts';
import type { StreamPlan } from '../../serving/streaming/plan-roller.ts';
import type { OutputPage } from '../../serving/streaming/read-outputs.ts';
import type { StreamStatus } from '../../serving/streaming/stream-status.ts';
import { auditedCommand } from '../audit.ts';
import { type Call, type Command, served } from '../command.ts';
import { instantOption, wholeOption } from '../parse-option.ts';
import { serverOf, serverOption, serverOptionHelp } from '../server-link.ts';
import { withHeadrace } from '../with-headrace.ts';

type Stream = ReturnType<Headrace['stream']>;

/** A change as the server takes it, and as it is made here. */
interface Change {
  readonly body: { readonly action: string } & Readonly<Record<string, unknown>>;
  readonly here: (stream: Stream) => Promise<void>;
}

const BUCKETS = 10_000;
const MOST = Number.MAX_SAFE_INTEGER;

export const streamStatus: Command = {
  name: ['stream', 'status'],
  summary: 'shows positions, version map and open plan of a stream',
  words: '<stream>',
  arity: [1, 1],
  options: serverOption,
  help: serverOptionHelp,
  run: async (call) => {
    const [name] = call.words;
    const server = await serverOf(call);
    const status =
      server === null
        ? await withHeadrace(call, async (headrace) => headrace.stream(name).status)
        : (JSON.parse(await server.ask('GET', pathOf('streams', name))) as StreamStatus);
    show(call, name, status);
  },
};

export const streamRoll: Command = {
  name: ['stream', 'roll'],
  summary: 'plans the cut-over of a stream to a version; without an option it begins at the end of each partition',
  words: '<stream> <version>',
  arity: [2, 2],
  options: {
    offsets: { type: 'string' },
    at: { type: 'string' },
    idle: { type: 'string' },
    replace: { type: 'boolean' },
    immediate: { type: 'boolean' },
    buckets: { type: 'string' },
    salt: { type: 'string' },
    ...serverOption,
  },
  help: {
    offsets: 'first offset of the version in each partition: 120,98,131',
    at: 'begin at the first record of this event time or later: epoch ms or a UTC date',
    idle: 'with --at: a partition without a record for this long does not wait for one (1m)',
    replace: 'take the place of an open plan',
    immediate: 'begin at the next record that nobody has begun',
    buckets: 'as --immediate, for the keys of this number of 10,000 buckets only',
    salt: 'of the buckets; a greater share of one salt only adds keys; default: the name of the stream',
    ...serverOptionHelp,
  },
  run: (call) => {
    const version = wholeOption('version', call.words[1], 0, 1, MOST);
    const cutOver = cutOverOf(call);
    const replace = call.options['replace'] === true;
    const plan = { version, ...(cutOver === undefined ? {} : { cutOver }), ...(replace ? { replace } : {}) };
    return change(call, { body: { action: 'roll', ...plan }, here: (stream) => stream.roll(plan) });
  },
};

export const streamCommit: Command = {
  name: ['stream', 'commit'],
  summary: 'commits the open plan of a stream now, or names the partitions that it waits for',
  words: '<stream>',
  arity: [1, 1],
  options: serverOption,
  help: serverOptionHelp,
  run: (call) => change(call, { body: { action: 'commit' }, here: (stream) => stream.commit() }),
};

export const streamAbort: Command = {
  name: ['stream', 'abort'],
  summary: 'ends the open plan of a stream without a trace',
  words: '<stream>',
  arity: [1, 1],
  options: serverOption,
  help: serverOptionHelp,
  run: (call) => change(call, { body: { action: 'abort' }, here: (stream) => stream.abort() }),
};

export const streamCancel: Command = {
  name: ['stream', 'cancel'],
  summary: 'takes cut-overs that no partition of a stream has reached out of its version map, and ends an open plan',
  words: '<stream>',
  arity: [1, 1],
  options: serverOption,
  help: serverOptionHelp,
  run: (call) => change(call, { body: { action: 'cancel' }, here: (stream) => stream.cancel() }),
};

export const streamShadow: Command = {
  name: ['stream', 'shadow'],
  summary: 'scores the records of a stream by another version too, into its own lane; none ends it',
  words: '<stream> <version>|none',
  arity: [2, 2],
  options: serverOption,
  help: serverOptionHelp,
  run: (call) => {
    const [, word] = call.words;
    const version = word === 'none' ? null : wholeOption('version', word, 0, 1, MOST);
    return change(call, { body: { action: 'shadow', version }, here: (stream) => stream.shadow(version) });
  },
};

export const streamReprocess: Command = {
  name: ['stream', 'reprocess'],
  summary: 'scores offsets of a partition again, a JSON line each; the outputs of the stream stay as they are',
  words: '<stream> <partition> <from> <to>',
  arity: [4, 4],
  options: { version: { type: 'string' }, ...serverOption },
  help: { version: 'the one version for all; without it the version map decides', ...serverOptionHelp },
  run: async (call) => {
    const [name, ...numbers] = call.words;
    const [partition, from, to] = numbers.map((word) => wholeOption('offset', word, 0, 0, MOST));
    const version = wholeOption('version', call.options['version'], 0, 1, MOST) || undefined;
    const range = { partition, from, to, ...(version === undefined ? {} : { version }) };
    const server = await serverOf(call);
    const outputs: readonly unknown[] =
      server === null
        ? await withHeadrace(call, (headrace) =>
            headrace.stream(name).reprocess(partition, { from, to, version: version ?? null }),
          )
        : JSON.parse(await server.ask('POST', pathOf('stream-scores', name), range)).outputs;
    for (const output of outputs) call.terminal.out(JSON.stringify(output));
  },
};

/** Outputs of one read, and the pause before a look for new ones, ms. */
const PAGE = 1_000;
const LOOK_MS = 500;

export const streamRead: Command = {
  name: ['stream', 'read'],
  summary: 'prints the outputs of a stream, a JSON line each, and then the cursor of the next read',
  words: '<stream>',
  arity: [1, 1],
  stop: [served('with --follow')],
  options: { cursor: { type: 'string' }, follow: { type: 'boolean' }, ...serverOption },
  help: {
    cursor: 'the cursor of an earlier read; without it the oldest outputs that are kept',
    follow: 'waits for new outputs until Ctrl-C, and for the server where it restarts',
    ...serverOptionHelp,
  },
  run: async (call) => {
    const [name] = call.words;
    const { cursor } = call.options;
    const from = typeof cursor === 'string' ? cursor : null;
    const server = await serverOf(call);
    if (server === null && call.options['follow'] === true)
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
};

type ReadPage = (cursor: string | null) => Promise<OutputPage>;

async function printOutputs({ options, terminal }: Call, from: string | null, read: ReadPage): Promise<void> {
  const follows = options['follow'] === true;
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
function cutOverOf({ words: [name], options }: Call): StreamPlan['cutOver'] {
  const { offsets, at, idle, immediate, buckets, salt } = options;
  const named = [offsets, at, immediate, buckets].filter((one) => one !== undefined);
  if (named.length > 1)
    throw fail('CLI_VALUE', { option: 'roll', value: String(named[1]), wanted: 'one of the cut-overs' });
  if (idle !== undefined && at === undefined)
    throw fail('CLI_VALUE', { option: 'idle', value: String(idle), wanted: 'the option --at next to it' });
  if (offsets !== undefined) return { kind: 'at-offset', offsets: offsetsOf(String(offsets)) };
  const instant = instantOption('at', at);
  const idleMs = typeof idle === 'string' ? parseDuration(idle, '--idle') : undefined;
  if (instant !== undefined) return { kind: 'at-event-time', at: instant, ...(idleMs === undefined ? {} : { idleMs }) };
  if (buckets === undefined) return immediate === true ? { kind: 'immediate' } : undefined;
  const share = wholeOption('buckets', buckets, 0, 0, BUCKETS);
  return { kind: 'canary-keys', buckets: share, salt: typeof salt === 'string' ? salt : name };
}

function offsetsOf(text: string): readonly number[] {
  return text.split(',').map((part) => wholeOption('offsets', part === '' ? 'nothing' : part, 0, 0, MOST));
}

async function change(call: Call, { body, here }: Change): Promise<void> {
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
