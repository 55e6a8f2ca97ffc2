import { fail } from '../../base/errors/fail.ts';
import type { Headrace } from '../../running/headrace.ts';
import type { CutOver } from '../../serving/streaming/control-state.ts';
import type { StreamStatus } from '../../serving/streaming/stream-status.ts';
import { auditedCommand } from '../audit.ts';
import type { Call, Command } from '../command.ts';
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
    immediate: { type: 'boolean' },
    buckets: { type: 'string' },
    salt: { type: 'string' },
    ...serverOption,
  },
  help: {
    offsets: 'first offset of the version in each partition: 120,98,131',
    at: 'begin at the first record of this event time or later: epoch ms or a UTC date',
    immediate: 'begin at the next record that nobody has begun',
    buckets: 'as --immediate, for the keys of this number of 10,000 buckets only',
    salt: 'of the buckets; a greater share of one salt only adds keys; default: the name of the stream',
    ...serverOptionHelp,
  },
  run: (call) => {
    const version = wholeOption('version', call.words[1], 0, 1, MOST);
    const cutOver = cutOverOf(call);
    const body = { action: 'roll', version, ...(cutOver === undefined ? {} : { cutOver }) };
    return change(call, {
      body,
      here: (stream) => stream.roll(cutOver === undefined ? { version } : { version, cutOver }),
    });
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

/** undefined: none is named. Error: CLI_VALUE. */
function cutOverOf({ words: [name], options }: Call): CutOver | undefined {
  const { offsets, at, immediate, buckets, salt } = options;
  const named = [offsets, at, immediate, buckets].filter((one) => one !== undefined);
  if (named.length > 1)
    throw fail('CLI_VALUE', { option: 'roll', value: String(named[1]), wanted: 'one of the cut-overs' });
  if (offsets !== undefined) return { kind: 'at-offset', offsets: offsetsOf(String(offsets)) };
  const instant = instantOption('at', at);
  if (instant !== undefined) return { kind: 'at-event-time', at: instant };
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
  const { model, partitions, rollingTo, unacknowledged, shadow } = status;
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
  if (shadow !== null) terminal.out(`  shadow: version ${shadow}`);
}

function pathOf(what: 'streams' | 'stream-scores', name: string): string {
  return `/v1/${what}/${encodeURIComponent(name)}`;
}
