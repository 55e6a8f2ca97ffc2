import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeFrame, FrameReader, tensorsOf } from '../../src/backends/python/frame.ts';
import { parsePythonEnv, parseRequirements } from '../../src/backends/python/requirements.ts';
import { type Tensor, tensorArrays } from '../../src/schema/tensor.ts';

const MOST = 1_000_000;

/** Inputs of the fuzz tests, raised by hand. */
const RUNS = Number(process.env['HEADRACE_FUZZ'] ?? 3_000);

const numeric = fc
  .record({
    name: fc.string(),
    type: fc.constantFrom(...(Object.keys(tensorArrays) as (keyof typeof tensorArrays)[])),
    rows: fc.nat({ max: 5 }),
    fill: fc.nat({ max: 1 }),
  })
  .map(({ name, type, rows, fill }): Tensor => {
    const data = new tensorArrays[type](rows * 2);
    data.fill((data instanceof BigInt64Array || data instanceof BigUint64Array ? BigInt(fill) : fill) as never);
    return { name, type, shape: [rows, 2], data };
  });

const strings = fc
  .record({ name: fc.string(), data: fc.array(fc.uint8Array({ max: 255, maxLength: 9 }), { maxLength: 5 }) })
  .map(({ name, data }): Tensor => ({ name, type: 'BYTES', shape: [data.length], data }));

const tensors = fc.array(fc.oneof(numeric, strings), { maxLength: 4 });

function joined(message: object, list: readonly Tensor[]): Buffer {
  return Buffer.concat(encodeFrame(message, list));
}

describe('frames', () => {
  test('what is written is read, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(tensors, { minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 50 }), (frames, cut) => {
        const bytes = Buffer.concat(frames.map((list, id) => joined({ id }, list)));
        const reader = new FrameReader(MOST);
        const read = [];
        for (let at = 0; at < bytes.length; at += cut)
          read.push(...reader.push(Uint8Array.from(bytes.subarray(at, at + cut))));
        expect(read.map(({ message }) => message['id'])).toEqual(frames.map((_, id) => id));
        expect(read.map((frame) => tensorsOf(frame).map(plain))).toEqual(frames.map((list) => list.map(plain)));
      }),
    );
  });

  test('bytes that are no frame, or a frame that was changed, are a RangeError or nothing', () => {
    fc.assert(
      fc.property(tensors, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 6 }), (list, changes) => {
        const bytes = joined({ id: 1, kind: 'ran' }, list);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        try {
          for (const frame of new FrameReader(MOST).push(Uint8Array.from(bytes))) tensorsOf(frame);
        } catch (error) {
          if (!(error instanceof RangeError)) throw error;
        }
      }),
      { numRuns: RUNS },
    );
  });
});

function plain({ name, type, shape, data }: Tensor) {
  return {
    name,
    type,
    shape,
    data: Array.from(data as ArrayLike<unknown>, (one) => (one instanceof Uint8Array ? [...one] : one)),
  };
}

describe('requirements', () => {
  test('names with versions, extras and markers pass; comments do not count', () => {
    const text =
      'mlflow==3.17.2\n# a comment\nscikit-learn>=1.4,<2  # why\nrequests[socks]~=2.0; python_version < "3.13"\n\n-c constraints.txt\n';
    expect(parseRequirements(text)).toEqual({
      kind: 'lines',
      lines: ['mlflow==3.17.2', 'scikit-learn>=1.4,<2', 'requests[socks]~=2.0; python_version < "3.13"'],
    });
  });

  test.each([
    ['--index-url http://evil.example/simple', 'it is an option of pip'],
    ['-r /etc/passwd', 'it is an option of pip'],
    ['-e .', 'it is an option of pip'],
    ['evil @ http://evil.example/x.whl', 'it is an address'],
    ['git+https://evil.example/x', 'it is an address'],
    ['https://evil.example/x.whl', 'it is a path or an address'],
    ['./code/x.whl', 'it is a path or an address'],
    ['/tmp/x.tar.gz', 'it is a path or an address'],
    ['x.whl', 'it is a file'],
    ['mlflow==\u0024{HOME}', 'it reads a variable'],
    ['mlflow \\', 'it continues on the next line'],
    ['mlflow $(id)', 'it is not a name with versions'],
  ])('%s is refused: %s', (line, reason) => {
    expect(parseRequirements(`numpy\n${line}`)).toMatchObject({ kind: 'refused', refused: { reason } });
  });

  test('whatever passes is its own line without an option, an address or a variable', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[-a-z./@: ${}#\n]*$/)), (text) => {
        const parsed = parseRequirements(text);
        if (parsed.kind === 'refused') return;
        for (const line of parsed.lines) expect(line).toMatch(/^[A-Za-z0-9](?!.*(?:\$\{|:\/\/|\n|\\$))/);
      }),
      { numRuns: RUNS },
    );
  });

  test('a python_env.yaml names the version of Python and the packages for building, without pip', () => {
    const text =
      'python: 3.11.7\nbuild_dependencies:\n- pip==23.2.1\n- setuptools==65.5.0\n- wheel\ndependencies:\n- -r requirements.txt\n';
    expect(parsePythonEnv(text)).toEqual({ python: '3.11.7', lines: ['setuptools==65.5.0', 'wheel'] });
    expect(parsePythonEnv('')).toEqual({ python: null, lines: [] });
  });
});
