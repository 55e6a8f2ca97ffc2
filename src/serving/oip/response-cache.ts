import { createHash } from 'node:crypto';
import { packTensor, unpackTensor } from '../../schema/pack-tensor.ts';
import type { ServedVersion } from '../../versions/cache/served-version.ts';
import type { InferReply, InferRequest } from '../../versions/request/infer-request.ts';
import { encodeTensor } from '../../versions/request/tensor-bytes.ts';

interface Kept {
  readonly reply: InferReply;
  readonly bytes: number;
}

/** Bytes that an entry takes besides its tensors. */
const ENTRY_BYTES = 500;

/**
 * Answers by the digest of a loaded version and its inputs, for models whose configuration asks for it. Bounded in bytes:
 * the answer that was used longest ago goes first. A version that is loaded again begins without answers.
 */
export class ResponseCache {
  readonly #most: number;
  readonly #clock: () => number;
  readonly #kept = new Map<string, Kept>();
  readonly #ids = new WeakMap<ServedVersion, number>();
  #nextId = 0;
  #bytes = 0;

  constructor(mostBytes: number, clock: () => number) {
    this.#most = mostBytes;
    this.#clock = clock;
  }

  /** The kept answer to an equal request, or what `infer` answers. */
  async answer(served: ServedVersion, request: InferRequest, infer: () => Promise<InferReply>): Promise<InferReply> {
    const began = performance.now();
    const key = this.#keyOf(served, request);
    const kept = this.#kept.get(key);
    const { statistics } = served;
    if (kept !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      served.lastUsed = performance.now();
      statistics.answeredFromCache(served.lastUsed - began, this.#clock());
      return { ...kept.reply, id: request.id, queueMs: 0, computeMs: 0 };
    }
    statistics.cacheMiss.count += 1;
    statistics.cacheMiss.ms += performance.now() - began;
    const reply = await infer();
    // A part of the answer of a batch is copied: kept as it is, it would keep all of the batch.
    this.#keep(key, { ...reply, outputs: reply.outputs.map((tensor) => unpackTensor(packTensor(tensor))) });
    return reply;
  }

  #keep(key: string, reply: InferReply): void {
    const bytes = reply.outputs.reduce((sum, tensor) => sum + encodeTensor(tensor).length, ENTRY_BYTES);
    if (bytes > this.#most || this.#kept.has(key)) return;
    this.#kept.set(key, { reply, bytes });
    this.#bytes += bytes;
    for (const [oldest, { bytes: freed }] of this.#kept) {
      if (this.#bytes <= this.#most) return;
      this.#kept.delete(oldest);
      this.#bytes -= freed;
    }
  }

  #keyOf(served: ServedVersion, request: InferRequest): string {
    const { inputs, outputs } = request;
    const hash = createHash('sha256');
    hash.update(
      JSON.stringify([this.#idOf(served), outputs?.map(({ name }) => name) ?? null, served.parametersOf(request).key]),
    );
    for (const tensor of [...inputs].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const bytes = encodeTensor(tensor);
      hash.update(JSON.stringify([tensor.name, tensor.type, tensor.shape, bytes.length]));
      hash.update(bytes);
    }
    return hash.digest('base64');
  }

  #idOf(served: ServedVersion): number {
    const known = this.#ids.get(served);
    if (known !== undefined) return known;
    this.#nextId += 1;
    this.#ids.set(served, this.#nextId);
    return this.#nextId;
  }
}
