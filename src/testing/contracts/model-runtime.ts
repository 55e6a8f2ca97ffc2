import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { LoadedModel } from '../../ports/model-runtime.ts';
import {
  elementsOf,
  joinRows,
  type NumericTensor,
  rowsOfTensor,
  type Tensor,
  type TensorType,
  tensorArrays,
} from '../../schema/tensor.ts';
import { type Contract, mustEqual, mustFail } from './contract.ts';

/**
 * The subject: a runtime that loads three models.
 *
 * - `addSub`: INPUT0 and INPUT1, INT32 [-1,16], to OUTPUT0 = INPUT0 + INPUT1 and OUTPUT1 = INPUT0 - INPUT1;
 * - `identity`: IN of the type, [-1,-1], to OUT, equal;
 * - `rowSum`: X, FP32 [-1,10], to SUM, FP32 [-1], the sum of each row.
 */
export interface ModelRuntimeSubject {
  /** Types of `identity`. */
  readonly types: readonly TensorType[];
  /** Whether BYTES may be any bytes; otherwise they are UTF-8 without NUL, and others are MODEL_TENSOR. */
  readonly anyBytes: boolean;
  addSub(): MaybePromise<LoadedModel>;
  identity(type: TensorType): MaybePromise<LoadedModel>;
  rowSum(): MaybePromise<LoadedModel>;
}

const first = int32('INPUT0', (i) => i);
const second = int32('INPUT1', (i) => (i === 3 ? -2_147_483_648 : 1));

/** The rules of `ports/model-runtime.ts` that hold for a loaded model. Each runtime tests its files and its package. */
export const modelRuntimeContracts: readonly Contract<ModelRuntimeSubject>[] = [
  {
    rule: 6,
    name: 'all outputs come in the order of the signature, named ones in the order of their names',
    needs: [],
    run: async (subject) => {
      const model = await subject.addSub();
      mustEqual(
        model.signature.inputs.map(({ name, type, shape }) => [name, type, shape]),
        [
          ['INPUT0', 'INT32', [-1, 16]],
          ['INPUT1', 'INT32', [-1, 16]],
        ],
        'inputs',
      );
      const all = await model.run([second, first]);
      mustEqual(namesOf(all), ['OUTPUT0', 'OUTPUT1'], 'all outputs');
      mustEqual([...all[0].data].slice(0, 5), [1, 2, 3, -2_147_483_645, 5], 'OUTPUT0');
      mustEqual(all[1].shape, [1, 16], 'shape of OUTPUT1');
      mustEqual(all[1].type, 'INT32', 'type of OUTPUT1');
      mustEqual(namesOf(await model.run([first, second], ['OUTPUT1', 'OUTPUT0'])), ['OUTPUT1', 'OUTPUT0'], 'two named');
      const [alone, none] = await model.run([first, second], ['OUTPUT1']);
      mustEqual([...alone.data].slice(0, 3), [-1, 0, 1], 'OUTPUT1');
      mustEqual(none, undefined, 'a second output');
      await model.close();
    },
  },
  {
    rule: 7,
    name: 'missing, unknown and repeated inputs, other types and shapes, and unknown outputs are MODEL_TENSOR',
    needs: [],
    run: async (subject) => {
      const model = await subject.addSub();
      const wide: Tensor = { ...first, shape: [2, 16], data: new Int32Array(32) };
      const wrong: readonly (readonly [string, readonly Tensor[], (readonly string[])?])[] = [
        ['none', []],
        ['one of two', [first]],
        ['an unknown one', [first, second, { ...first, name: 'INPUT2' }]],
        ['one twice', [first, first]],
        ['another type', [first, { ...second, type: 'FP32', data: new Float32Array(16) }]],
        ['another width', [first, { ...second, shape: [1, 15], data: new Int32Array(15) }]],
        ['another rank', [first, { ...second, shape: [16] }]],
        ['as many rows as no other', [wide, { ...second, shape: [3, 16], data: new Int32Array(48) }]],
        ['an unknown output', [first, second], ['OUTPUT2']],
      ];
      for (const [what, tensors, outputs] of wrong)
        await mustFail('MODEL_TENSOR', () => model.run(tensors, outputs), what);
      mustEqual([...(await model.run([first, second]))[0].data].slice(0, 2), [1, 2], 'a run afterwards');
      await model.close();
    },
  },
  {
    rule: 8,
    name: 'every value of every type passes unchanged, also without rows',
    needs: [],
    run: async (subject) => {
      for (const type of subject.types) {
        const model = await subject.identity(type);
        for (const shape of [
          [2, 3],
          [1, 6],
          [0, 3],
          [3, 0],
        ]) {
          const given = everyValue(type, shape, subject.anyBytes);
          const [found] = await model.run([given]);
          mustEqual({ ...found, data: bytesOf(found) }, { ...given, name: 'OUT', data: bytesOf(given) }, type);
        }
        await model.close();
      }
    },
  },
  {
    rule: 8,
    name: 'bytes that the runtime cannot hold are MODEL_TENSOR, never changed',
    needs: [],
    run: async (subject) => {
      if (!subject.types.includes('BYTES') || subject.anyBytes) return;
      const model = await subject.identity('BYTES');
      for (const element of [Uint8Array.of(104, 0, 105), Uint8Array.of(0xc3), Uint8Array.of(0xff, 0xfe)]) {
        const given: Tensor = { name: 'IN', type: 'BYTES', shape: [1, 1], data: [element] };
        await mustFail('MODEL_TENSOR', () => model.run([given]), `bytes ${element.join(' ')}`);
      }
      await model.close();
    },
  },
  {
    rule: 2,
    name: 'a row has the same bits alone and in every batch',
    needs: [],
    run: async (subject) => {
      const model = await subject.rowSum();
      const data = Float32Array.from({ length: 2_560 }, (_, i) => Math.sin(i) * 10 ** (i % 7));
      const rows: Tensor = { name: 'X', type: 'FP32', shape: [256, 10], data };
      const [whole] = await model.run([rows]);
      for (const size of [1, 7, 64]) {
        const parts: Tensor[] = [];
        for (let from = 0; from < 256; from += size)
          parts.push((await model.run([rowsOfTensor(rows, from, Math.min(256, from + size))]))[0]);
        const [head, ...rest] = parts;
        mustEqual(bytesOf(joinRows([head, ...rest])), bytesOf(whole), `batches of ${size}`);
      }
      await model.close();
    },
  },
  {
    rule: 3,
    name: 'models run side by side, and closing one does not disturb another',
    needs: [],
    run: async (subject) => {
      const [one, other] = await Promise.all([subject.addSub(), subject.rowSum()]);
      const rows: Tensor = { name: 'X', type: 'FP32', shape: [1, 10], data: new Float32Array(10).fill(2) };
      const [sums, [sum]] = await Promise.all([one.run([first, second]), other.run([rows])]);
      mustEqual([...sums[0].data].slice(0, 2), [1, 2], 'the one');
      mustEqual([...sum.data], [20], 'the other');
      await one.close();
      mustEqual([...(await other.run([rows]))[0].data], [20], 'the other afterwards');
      await other.close();
    },
  },
];

function namesOf(tensors: readonly Tensor[]): readonly string[] {
  return tensors.map(({ name }) => name);
}

function int32(name: string, value: (i: number) => number): NumericTensor {
  return { name, type: 'INT32', shape: [1, 16], data: Int32Array.from({ length: 16 }, (_, i) => value(i)) };
}

/** A tensor with the least, the greatest and unusual values of a type. */
function everyValue(type: TensorType, shape: readonly number[], anyBytes: boolean): Tensor {
  const elements = elementsOf(shape);
  const name = 'IN';
  if (type === 'BYTES') {
    const texts = ['', 'a', 'ü€😀', '1', '-0', ' '].map((text) => new TextEncoder().encode(text));
    if (anyBytes) texts[1] = Uint8Array.of(104, 0, 255, 254);
    return { name, type, shape, data: texts.slice(0, elements) };
  }
  if (type === 'BOOL') return { name, type, shape, data: Uint8Array.of(0, 1, 1, 0, 1, 0).slice(0, elements) };
  const bytes = new Uint8Array(elements * tensorArrays[type].BYTES_PER_ELEMENT);
  // All ones, the greatest and least integers, a NaN with its bits, an infinity: whatever the type makes of these.
  const pattern = [0xff, 0x7f, 0x00, 0x80, 0x01, 0x00, 0x3c, 0xbc];
  bytes.forEach((_, i) => {
    bytes[i] = pattern[(i * 5) % pattern.length];
  });
  return { name, type, shape, data: new tensorArrays[type](bytes.buffer) };
}

function bytesOf({ data }: Tensor): readonly (readonly number[])[] {
  if (!('byteLength' in data)) return data.map((bytes) => [...bytes]);
  return [[...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]];
}
