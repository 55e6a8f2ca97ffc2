import { fail } from '../../base/errors/fail.ts';
import type { LoadedModel, ModelRuntime } from '../../ports/model-runtime.ts';
import type { Tensor } from '../../schema/tensor.ts';
import { hasRows, mostRowsOf, type Place, ServedVersion, SHORT_RUN_MS } from '../cache/served-version.ts';
import { batchedSignature, filledConfig } from '../config/served-signature.ts';
import type { QueueLimits } from '../queue/infer-queue.ts';
import { Sequencer } from '../queue/sequencer.ts';
import type { SourceModel } from '../source/model-source.ts';
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
  readonly source: SourceModel;
  readonly runtimes: Runtimes;
  readonly limits: QueueLimits;
  /** Whether the model runs in a child process. */
  readonly isIsolated: boolean;
  /** The version at the place that it leaves, since its runs are of another length than they seemed; left out: it was not loaded before. */
  readonly moved?: ServedVersion | undefined;
  readonly clock: () => number;
  /** Inputs of requests that the previous version has answered. */
  readonly recent: readonly (readonly Tensor[])[];
  /** Runs the steps of an ensemble. */
  readonly ensemble: (source: SourceModel, name: string) => LoadedModel;
}

/**
 * Loads one version, checks it against its configuration, warms it and chooses where it runs. Nothing of it is left where
 * that fails. Errors: OIP_LOAD, OIP_CONFIG, MODEL_FILE, MODEL_RUNTIME, those of the source.
 */
export async function loadVersion(options: LoadOptions): Promise<ServedVersion> {
  const { source, version, name } = options;
  const file = source.config?.file ?? 'model.onnx';
  if (source.config?.ensemble) {
    const loaded = options.ensemble(source, name);
    return served(options, { loaded, place: 'steps', platform: 'ensemble', size: 0 }, NOT_TIMED);
  }
  const opened = await source.open(version, file);
  if (opened.kind === 'own') {
    const { config } = source;
    if (config === null) throw fail('OIP_LOAD', { reason: `model '${name}' has no configuration` });
    const loaded = await opened.load(config);
    if (opened.isWarm === true)
      return served(options, { loaded, place: 'here', platform: opened.platform, size: 0 }, NOT_TIMED);
    return warmedVersion(options, { loaded, place: 'here', platform: opened.platform, size: 0 });
  }
  if (opened.kind === 'process') {
    const { loaded, platform } = opened;
    return warmedVersion(options, { loaded, place: 'process', platform, size: opened.memoryBytes() });
  }
  await options.runtimes.tryOut?.(opened.file);
  return loadFile(options, opened.file);
}

/** A version that was not run before it serves. */
const NOT_TIMED: Warmed = { msARun: 0, msARow: 0, joinsRows: false };

interface Opened {
  readonly loaded: LoadedModel;
  readonly place: Place;
  readonly platform: string;
  /** Bytes. */
  readonly size: number;
  readonly canMove?: boolean;
}

async function loadFile(options: LoadOptions, file: Uint8Array): Promise<ServedVersion> {
  const { here, thread, process, memory } = options.runtimes;
  if (options.isIsolated && process !== null) {
    const loaded = await process.load(file);
    return warmedVersion(options, { loaded, place: 'process', platform: process.platform, size: file.length });
  }
  if (options.moved?.place === 'here' && thread !== null)
    return warmedVersion(options, {
      ...onThread(thread),
      loaded: await thread.load(file),
      size: options.moved.sizeBytes,
    });
  const before = memory();
  const loaded = await here.load(file);
  const size = Math.max(file.length, memory() - before);
  const opened = { loaded, place: 'here', platform: here.platform, size, canMove: thread !== null } as const;
  const version = await warmedVersion(options, opened);
  if (thread === null || version.warmed.msARun <= SHORT_RUN_MS) return version;
  // Slow: it would keep the thread of the requests from others.
  await version.close();
  return warmedVersion(options, { ...onThread(thread), loaded: await thread.load(file), size });
}

function onThread({ platform }: ModelRuntime) {
  return { place: 'thread', platform, canMove: true } as const;
}

async function warmedVersion(options: LoadOptions, opened: Opened): Promise<ServedVersion> {
  const { name, version, source, recent } = options;
  const { loaded } = opened;
  try {
    const config = filledConfig(source.config, name, opened.platform, loaded.signature);
    const signature = batchedSignature(config);
    const sequencer = config.sequencing === null ? null : new Sequencer(name, config.sequencing);
    // Nothing is run of a model that answers in pieces: each answer may take long, and cost.
    if (loaded.stream !== undefined) return served(options, opened, NOT_TIMED, sequencer);
    const given = await source.warmUps(version, config, signature);
    const warmed = await warmUp(loaded, signature, {
      required: [
        ...given,
        ...(loaded.examples ?? []),
        ...recent.filter((tensors) => fits(tensors, signature.inputs.length)),
      ],
      hasRows: hasRows(config, signature),
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

/** Whether requests of the previous version can be requests of this one. */
function fits(tensors: readonly Tensor[], inputs: number): boolean {
  return tensors.length === inputs;
}

function served(
  options: LoadOptions,
  opened: Opened,
  warmed: Warmed,
  sequencer: Sequencer | null = null,
): ServedVersion {
  const { name, version, source, limits, clock } = options;
  return new ServedVersion({
    config: filledConfig(source.config, name, opened.platform, opened.loaded.signature),
    version,
    loaded: opened.loaded,
    warmed,
    sequencer,
    place: opened.place,
    sizeBytes: opened.size,
    canMove: opened.canMove === true,
    statistics: options.moved?.statistics,
    limits,
    clock,
  });
}
