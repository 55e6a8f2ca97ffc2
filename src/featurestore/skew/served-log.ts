import { fnv1a32 } from '../../base/hash/fnv.ts';
import type { FeatureServiceData } from '../../features/define/declaration.ts';
import { servedTable } from '../../features/plan/served-table.ts';
import type { OfflineValue, TableAppend } from '../../ports/offline-store.ts';
import type { Value } from '../../schema/column.ts';
import type { ServedVector } from '../online/served-vector.ts';
import { SampledRows, type SampleRoom } from './sampled-rows.ts';

/** 2^32 by the golden ratio: its multiples lie evenly in [0, 2^32). */
const GOLDEN = 0x9e3779b1;

/** Collects a sample of the served vectors of one service, chosen by a hash of the request's id, until they are published. */
export class ServedLog {
  /** Vectors logged since the start. */
  logged = 0;
  readonly #rows: SampledRows;
  readonly #threshold: number;

  constructor(service: FeatureServiceData, sampleRate: number, room: SampleRoom) {
    this.#rows = new SampledRows(servedTable(service), room);
    this.#threshold = sampleRate * 2 ** 32;
  }

  /** Whether the request of this id is of the sample. Hot path. */
  wants(id: string): boolean {
    return fnv1a32(id) < this.#threshold;
  }

  /** Whether the n-th request, which has no id, is of the sample: so that only one that is needs a name. Hot path. */
  wantsNth(n: number): boolean {
    return Math.imul(n, GOLDEN) >>> 0 < this.#threshold;
  }

  /** Logs a vector of the sample; its windows' events must be counted. */
  add(id: string, request: readonly Value[], { service, at, values, missing, counts }: ServedVector): void {
    const names = missing.map(({ feature }) => service.features[feature].name);
    const row: readonly OfflineValue[] = [id, at, ...request, ...values, names, ...counts.flat()];
    if (this.#rows.add(row)) this.logged += 1;
  }

  /** The rows logged since the last drain. */
  drain(): TableAppend {
    return this.#rows.drain();
  }
}
