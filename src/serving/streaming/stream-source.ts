import type { TensorSpec } from '../../schema/tensor.ts';
import { plainConfig } from '../../versions/config/model-config.ts';
import { loadFunction } from '../../versions/source/load-function.ts';
import type { ModelSource, SourceModel } from '../../versions/source/model-source.ts';
import type { EngineAnswer } from './engine-stream.ts';

/** The name of a stream's model. */
function streamModelName(stream: string): string {
  return `stream_${stream}`;
}

const inputs = [{ name: 'REQUEST', type: 'BYTES', shape: [-1] }] as const satisfies readonly TensorSpec[];

const outputs = [{ name: 'RESULT', type: 'BYTES', shape: [-1] }] as const satisfies readonly TensorSpec[];

export type AnswerRecord = (text: string) => Promise<EngineAnswer>;

/**
 * The models of streams that an engine elsewhere scores: one text for each record, with its partition and offset. RESULT is JSON with score,
 * version, digest, plan and error.
 */
export class StreamSource implements ModelSource {
  readonly #answerOf: (stream: string) => AnswerRecord;
  readonly #streams: ReadonlyMap<string, string>;

  constructor(streams: readonly string[], answerOf: (stream: string) => AnswerRecord) {
    this.#streams = new Map(streams.map((stream) => [streamModelName(stream), stream]));
    this.#answerOf = answerOf;
  }

  names(): readonly string[] {
    return [...this.#streams.keys()];
  }

  find(name: string): SourceModel | null {
    const stream = this.#streams.get(name);
    if (stream === undefined) return null;
    return {
      config: plainConfig(name, 'stream', { inputs, outputs }),
      versions: ['1'],
      preferred: null,
      alias: () => null,
      open: () => ({ kind: 'own', platform: 'stream', load: () => this.#load(name, stream) }),
      warmUps: () => [],
    };
  }

  #load(name: string, stream: string) {
    const answer = this.#answerOf(stream);
    return loadFunction({
      name,
      inputs,
      outputs,
      run: async ({ REQUEST: { data } }) => {
        const texts = Array.isArray(data) ? data : [];
        const answers = await Promise.all(texts.map((bytes: Uint8Array) => answer(new TextDecoder().decode(bytes))));
        return {
          RESULT: { shape: [answers.length], data: answers.map((one) => Buffer.from(JSON.stringify(one))) },
        };
      },
    });
  }
}
