import { fail } from '../../base/errors/fail.ts';
import type { LoadedModel, ModelRuntime } from '../../ports/model-runtime.ts';
import { inputFault } from '../../schema/check-inputs.ts';
import type { Tensor } from '../../schema/tensor.ts';
import { hasRows, mostRowsOf, ServedVersion } from '../cache/served-version.ts';
import { batchedSignature, filledConfig } from '../config/served-signature.ts';
import { type Place, SHORT_RUN_MS } from '../place/run-place.ts';
import type { QueueLimits } from '../queue/queue-options.ts';
import { Sequencer } from '../queue/sequencer.ts';
import type { LoadableModel, OpenedVersion } from '../source/model-source.ts';
import type { LoadTurn } from './load-turn.ts';
import { type Warmed, warmUp } from './warm-up.ts';

export interface Runtimes {
  /** Runs models on the calling thread. */
  readonly here: ModelRuntime;
  /** Runs each model on its own thread; null: there are none. */
  readonly thread: ModelRuntime | null;
  /** Runs each model in its own process; null: there are none. */
  readonly process: ModelRuntime | null;
  /** Opens a file where a crash of the library harms nobody; null: files are trusted. Error: MODEL_FILE. */
  readonly tryOut: ((file: Uint8Array) => Promise<void>) | null;
  /** Memory of the process, bytes. */
  readonly memory: () => number;
}

export interface LoadOptions {
  readonly name: string;
  readonly version: string;
  readonly source: LoadableModel;
  /** Whether the project itself names the version, whose file is then not tried out first. */
  readonly isOwn: boolean;
  readonly runtimes: Runtimes;
  readonly limits: QueueLimits;
  /** Whether the model runs in a child process. */
  readonly isIsolated: boolean;
  /** The version at the place that it leaves, since its runs are of another length than they seemed; left out: it was not loaded before. */
  readonly moved?: ServedVersion | undefined;
  readonly clock: () => number;
  /** Inputs of requests that the previous version has answered. */
  readonly recent: readonly (readonly Tensor[])[];
  readonly turn: LoadTurn;
  /** Learns of each step of the load. */
  readonly enter?: (state: 'loading' | 'verifying' | 'warming') => void;
  /** Runs the steps of an ensemble; left out: there are none. */
  readonly ensemble?: (source: LoadableModel) => LoadedModel;
}

/**
 * Loads one version, checks it against its configuration and its source, warms it and chooses where it runs. Nothing of it is left where
 * that fails. Errors: OIP_LOAD, OIP_CONFIG, MODEL_FILE, MODEL_PARITY, MODEL_RUNTIME, those of the source.
 */
export async function loadVersion(options: LoadOptions): Promise<ServedVersion> {
  const began = performance.now();
  const served = await loadedVersion(options);
  served.loadMs = performance.now() - began;
  return served;
}

async function loadedVersion(options: LoadOptions): Promise<ServedVersion> {
  const { source, version, ensemble, isOwn, runtimes } = options;
  const file = source.config?.file ?? 'model.onnx';
  if (source.config?.ensemble && ensemble !== undefined)
    return warmedVersion(options, { loaded: ensemble(source), place: 'steps', platform: 'ensemble', isWarm: true });
  const opened = await source.open(version, file);
  if (opened.kind === 'own') return ownVersion(options, opened);
  if (opened.kind === 'process') {
    const { loaded, platform, memoryBytes, isMetered = false } = opened;
    return warmedVersion(options, { loaded, place: 'process', platform, size: memoryBytes(), isMetered });
  }
  if (!isOwn) await runtimes.tryOut?.(opened.file);
  return options.turn.take(() => loadFile(options, opened.file));
}

async function ownVersion(
  options: LoadOptions,
  { platform, isWarm = false, load }: Extract<OpenedVersion, { readonly kind: 'own' }>,
): Promise<ServedVersion> {
  const { name, source } = options;
  if (source.config === null) throw fail('OIP_LOAD', { reason: `model '${name}' has no configuration` });
  return warmedVersion(options, { loaded: await load(source.config), place: 'here', platform, isWarm });
}

/** A version that was not run before it serves. */
const NOT_TIMED: Warmed = { msARun: 0, msARow: 0, joinsRows: false };

interface Opened {
  readonly loaded: LoadedModel;
  readonly place: Place;
  readonly platform: string;
  /** Bytes; left out: none of this process. */
  readonly size?: number;
  readonly canMove?: boolean;
  /** Whether it needs no run before it serves. */
  readonly isWarm?: boolean;
  readonly isMetered?: boolean;
}

async function loadFile(options: LoadOptions, file: Uint8Array): Promise<ServedVersion> {
  const { here, thread, process, memory } = options.runtimes;
  if (options.isIsolated && process !== null) {
    const loaded = await process.load(file);
    return warmedVersion(options, { loaded, place: 'process', platform: process.platform, size: file.length });
  }
  if (options.moved?.place === 'here' && thread !== null)
    return onThread(options, thread, { file, size: options.moved.sizeBytes });
  const before = memory();
  const loaded = await here.load(file);
  const size = Math.max(file.length, memory() - before);
  const opened = { loaded, place: 'here', platform: here.platform, size, canMove: thread !== null } as const;
  const version = await warmedVersion(options, opened);
  if (thread === null || version.warmed.msARun <= SHORT_RUN_MS) return version;
  // Slow: it would keep the thread of the requests from others.
  await version.close();
  options.enter?.('loading');
  return onThread(options, thread, { file, size });
}

async function onThread(
  options: LoadOptions,
  thread: ModelRuntime,
  { file, size }: { readonly file: Uint8Array; readonly size: number },
): Promise<ServedVersion> {
  const loaded = await thread.load(file);
  return warmedVersion(options, { loaded, place: 'thread', platform: thread.platform, size, canMove: true });
}

async function warmedVersion(options: LoadOptions, opened: Opened): Promise<ServedVersion> {
  const { name, version, source, recent, enter } = options;
  const { loaded, isWarm = false, isMetered = false } = opened;
  try {
    const config = filledConfig(source.config, name, opened.platform, loaded.signature);
    const signature = batchedSignature(config);
    const sequencer = config.sequencing === null ? null : new Sequencer(name, config.sequencing);
    enter?.('verifying');
    const isVerified = (await source.verify?.(version, loaded)) === true;
    enter?.('warming');
    // Nothing is run of a model that answers in pieces: each answer may take long, and cost.
    if (isWarm || loaded.stream !== undefined) return served(options, opened, NOT_TIMED, sequencer);
    if (isMetered) return served(options, opened, { ...NOT_TIMED, joinsRows: hasRows(config, signature) }, sequencer);
    const given = [...(await source.warmUps(version, config, signature)), ...(loaded.examples ?? [])];
    const warmed = await warmUp(loaded, signature, {
      // It has answered those that it was verified with.
      required: isVerified ? [] : given,
      samples: [...given, ...recent.filter((tensors) => inputFault(signature, tensors, []) === null)],
      hasRows: hasRows(config, signature),
      monotonic: () => performance.now(),
      mostRows: sequencer === null ? mostRowsOf(config) : 1,
      controls: (tensors, rows) =>
        sequencer === null ? tensors : [...tensors, ...sequencer.controlTensors(null, loaded.signature, rows)],
    });
    return served(options, opened, warmed, sequencer);
  } catch (error) {
    await loaded.close();
    throw error;
  }
}

function served(options: LoadOptions, opened: Opened, warmed: Warmed, sequencer: Sequencer | null): ServedVersion {
  const { name, version, source, limits, clock } = options;
  return new ServedVersion({
    config: filledConfig(source.config, name, opened.platform, opened.loaded.signature),
    version,
    loaded: opened.loaded,
    warmed,
    sequencer,
    place: opened.place,
    sizeBytes: opened.size ?? 0,
    canMove: opened.canMove === true,
    statistics: options.moved?.statistics,
    movedAt: options.moved?.movedAt,
    limits,
    clock,
  });
}
