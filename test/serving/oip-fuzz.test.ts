import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { elementsOf, type TensorType, tensorArrays } from '../../src/schema/tensor.ts';
import { requestOf } from '../../src/server/grpc/grpc-infer.ts';
import { loadProto } from '../../src/server/grpc/proto.ts';
import { parseGenerate } from '../../src/serving/oip/generate.ts';
import { parseInfer } from '../../src/serving/oip/parse-infer.ts';
import { plainOf } from '../../src/versions/config/config-fields.ts';
import { parsePbtxt } from '../../src/versions/config/pbtxt.ts';
import { tritonConfig } from '../../src/versions/config/triton-config.ts';
import { decodeTensor, encodeTensor } from '../../src/versions/request/tensor-bytes.ts';
import { parseTensorData, tensorDataText } from '../../src/versions/request/tensor-json.ts';

/** Inputs of each property; a longer run elsewhere sets more, such as 1000000. */
const numRuns = Number(process.env['HEADRACE_FUZZ'] ?? 200);

const types = [...(Object.keys(tensorArrays) as TensorType[]), 'BYTES'] as const;
const type = fc.constantFrom(...types);

/** Fails unless the work ends with a value or a coded error of a client. */
function codedOnly<T>(work: () => T, ...codes: readonly string[]): T | null {
  try {
    return work();
  } catch (error) {
    if (!isHeadraceError(error) || !codes.includes(error.code)) throw error;
    expect(error.message.length).toBeGreaterThan(0);
    return null;
  }
}

describe('hostile input is a coded error, never another', () => {
  test('bytes as a tensor of any type and shape', () => {
    fc.assert(
      fc.property(
        type,
        fc.array(fc.nat({ max: 5 }), { maxLength: 4 }),
        fc.uint8Array({ maxLength: 80 }),
        (of, shape, bytes) => {
          const tensor = codedOnly(
            () => decodeTensor({ name: 'x', type: of, shape, bytes, model: 'm' }),
            'OIP_REQUEST',
          );
          if (tensor !== null) expect(Buffer.from(encodeTensor(tensor)).equals(Buffer.from(bytes))).toBe(true);
        },
      ),
      { numRuns },
    );
  });

  test('any body, any length of its JSON', () => {
    const inputsOf = () => [{ name: 'x', type: 'FP32' as const, shape: [-1, -1] }];
    const shaped = fc.record({
      inputs: fc.anything({ maxDepth: 3 }),
      outputs: fc.anything({ maxDepth: 3 }),
      parameters: fc.anything({ maxDepth: 2 }),
    });
    const text = fc.oneof(
      fc.json({ maxDepth: 4 }),
      shaped.map((value) => JSON.stringify(value) ?? ''),
      fc.string(),
    );
    const body = fc.oneof(
      text.map((one) => Buffer.from(one)),
      fc.uint8Array({ maxLength: 60 }).map((one) => Buffer.from(one)),
    );
    const length = fc.option(fc.oneof(fc.nat({ max: 100 }).map(String), fc.string({ maxLength: 12 })));
    fc.assert(
      fc.property(body, length, (bytes, headerLength) => {
        codedOnly(
          () => parseInfer({ model: 'm', version: '1', headerLength, body: bytes, inputsOf, memory: null }),
          'OIP_REQUEST',
        );
      }),
      { numRuns },
    );
  });

  test('any body of generate, for inputs of any type and shape', () => {
    const spec = fc.record({
      name: fc.constantFrom('x', 'parameters', '__proto__', 'id'),
      type,
      shape: fc.array(fc.integer({ min: -1, max: 3 }), { maxLength: 3 }),
    });
    const named = fc.record({
      x: fc.anything({ maxDepth: 2 }),
      id: fc.anything(),
      parameters: fc.anything({ maxDepth: 2 }),
    });
    const text = fc.oneof(
      named.map((value) => JSON.stringify(value) ?? ''),
      fc.json({ maxDepth: 3 }),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(spec, { maxLength: 2 }), text, (inputs, written) => {
        const body = Buffer.from(written);
        const asked = codedOnly(() => parseGenerate({ model: 'm', version: '1', body, inputs }), 'OIP_REQUEST');
        for (const { shape, data } of asked?.inputs ?? []) expect(data.length).toBe(elementsOf(shape));
      }),
      { numRuns },
    );
  });

  test('nesting without end, numbers beyond every type and keys of the prototype', () => {
    const inputsOf = () => [];
    const deep = `{"inputs":[{"name":"x","datatype":"INT32","shape":[1],"data":${'['.repeat(100_000)}${']'.repeat(100_000)}}]}`;
    for (const text of [
      deep,
      '{"inputs":[{"name":"x","datatype":"INT32","shape":[1],"data":[1e999]}]}',
      '{"inputs":[{"name":"x","datatype":"FP64","shape":[1],"data":[1e999]}]}',
      '{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1e39]}]}',
      '{"inputs":[{"name":"x","datatype":"FP32","shape":[2,2],"data":[[1],[2,3,4]]}]}',
      '{"inputs":[{"name":"x","datatype":"FP32","shape":[2,2],"data":[[1,2],3,4]}]}',
      '{"inputs":[{"name":"x","datatype":"UINT64","shape":[1],"data":[18446744073709551616]}]}',
      '{"inputs":[{"name":"x","datatype":"__proto__","shape":[1],"data":[1]}]}',
      '{"inputs":[{"name":"x","datatype":"INT32","shape":[4294967296,4294967296],"data":[1]}]}',
      '{"inputs":[{"name":"x","datatype":"FP64","shape":[1152921504606846976],"data":[1]}]}',
    ])
      expect(() =>
        parseInfer({ model: 'm', version: '', headerLength: null, body: Buffer.from(text), inputsOf, memory: null }),
      ).toThrow(expect.objectContaining({ code: text === deep ? 'SERVER_BODY_BOUNDS' : 'OIP_REQUEST' }));
  });

  test('any text as a configuration', () => {
    const words = fc.constantFrom(
      'name',
      'input',
      'output',
      'max_batch_size',
      'dims',
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"a"',
      "'",
      '-1',
      'TYPE_INT32',
      '#',
      '\n',
      '\\',
      'dynamic_batching',
      'ensemble_scheduling',
      'step',
      '<',
      '>',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(words, { maxLength: 30 }).map((all) => all.join(' ')),
    );
    fc.assert(
      fc.property(text, (one) => {
        try {
          codedOnly(() => tritonConfig(plainOf(parsePbtxt(one)), 'm', 'config.pbtxt'), 'OIP_CONFIG');
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
          expect(String(error)).toMatch(/line \d+/);
        }
      }),
      { numRuns },
    );
  });

  test('any bytes as a message of gRPC, and any message as a request', async () => {
    const proto = await loadProto();
    const message = fc.record(
      {
        modelName: fc.string({ maxLength: 5 }),
        inputs: fc.array(
          fc.record({
            name: fc.string({ maxLength: 3 }),
            datatype: fc.constantFrom(...types, 'X'),
            shape: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { maxLength: 3 }),
          }),
          { maxLength: 2 },
        ),
        rawInputContents: fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 2 }),
      },
      { requiredKeys: [] },
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      message.map((fields) => proto.encode('ModelInferRequest', fields)),
    );
    fc.assert(
      fc.property(bytes, (one) => {
        let decoded: ReturnType<typeof proto.decode>;
        try {
          decoded = proto.decode('ModelInferRequest', one);
        } catch {
          // No message: the library says so to the client.
          return;
        }
        codedOnly(() => requestOf(decoded, null), 'OIP_REQUEST');
      }),
      { numRuns },
    );
  });
});

test('a tensor of every type is the same after JSON, or JSON refuses it', () => {
  const numeric = fc.tuple(
    type.filter((one) => one !== 'BYTES'),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  fc.assert(
    fc.property(numeric, ([of, seed]) => {
      const bytes = of === 'BOOL' ? seed.map((byte) => byte & 1) : seed;
      const data = new tensorArrays[of](Uint8Array.from(bytes).buffer);
      const tensor = { name: 'x', type: of, shape: [data.length], data };
      const text = codedOnly(() => tensorDataText(tensor), 'OIP_REQUEST');
      if (text === null) {
        const holds = of !== 'FP16' && of !== 'BF16' && Array.from(data as Float64Array, Number).every(Number.isFinite);
        expect(holds).toBe(false);
        return;
      }
      const exact = of.endsWith('INT64')
        ? JSON.parse(text, (_, value, context?: { source: string }) =>
            typeof value === 'number' && context ? BigInt(context.source) : value,
          )
        : JSON.parse(text);
      const again = parseTensorData({ name: 'x', type: of, shape: tensor.shape, data: exact });
      expect(elementsOf(again.shape)).toBe(data.length);
      // -0 is written as 0.
      expect(Array.from(again.data as Float64Array, (value) => value || 0)).toEqual(
        Array.from(data as unknown as Float64Array, (value) => value || 0),
      );
    }),
    { numRuns },
  );
});

test('a float32 is the nearest number of seven digits, or of eight or nine where only these read back as it', () => {
  const bits = fc.oneof(
    fc.integer({ min: 0, max: 0xffff_ffff }).map((word) => new Float32Array(Uint32Array.of(word).buffer)[0]),
    fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e4, max: 1e4 }),
    // Ends on a tie of seven digits.
    fc.integer({ min: -(2 ** 24), max: 2 ** 24 }).map((whole) => whole / 8),
  );
  const nearest = (value: number): number => {
    for (let digits = 7; digits < 9; digits += 1) {
      const text = value.toPrecision(digits);
      if (Math.fround(Number(text)) === value) return Number(text);
    }
    return Number(value.toPrecision(9));
  };
  fc.assert(
    fc.property(bits.filter(Number.isFinite), (value) => {
      const text = tensorDataText({ name: 'x', type: 'FP32', shape: [1], data: Float32Array.of(value) });
      const want = Number.isInteger(value) ? value : nearest(value);
      expect(text).toBe(`[${String(want)}]`);
    }),
    { numRuns: numRuns * 10 },
  );
});
