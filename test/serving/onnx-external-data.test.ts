import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { onnxRuntime } from '../../src/backends/onnx/onnx-runtime.ts';
import { onnxThreads } from '../../src/backends/onnx/onnx-threads.ts';
import { tryOutOnnx } from '../../src/backends/onnx/try-out.ts';
import { externalTensors, withTensorsInside } from '../../src/schema/onnx-external-data.ts';
import { OnnxFileFault } from '../../src/schema/onnx-fields.ts';
import { openForeign } from '../../src/serving/models/open-foreign.ts';
import { TritonRepository } from '../../src/serving/runtime/triton-repository.ts';
import { Message } from '../../src/training/onnx-export/protobuf.ts';
import { call, registrySite } from '../registry/registry-site.ts';
import { rowSumFile } from './onnx-files.ts';

/** UINT8 of the ONNX data types. */
const BYTE = 2;

/** A tensor of bytes that is in another file. */
function elsewhere(location: string, length = 8, more: Readonly<Record<string, string>> = {}): Message {
  const tensor = new Message().integer(1, length).integer(2, BYTE).text(8, 'W');
  for (const [key, value] of Object.entries({ location, offset: '0', length: String(length), ...more }))
    tensor.message(13, new Message().text(1, key).text(2, value));
  return tensor.integer(14, 1);
}

function port(name: string): Message {
  const shape = new Message().message(1, new Message().integer(1, 8));
  return new Message()
    .text(1, name)
    .message(2, new Message().message(1, new Message().integer(1, BYTE).message(2, shape)));
}

function model(graph: Message): Uint8Array {
  const opset = new Message().text(1, '').integer(2, 15);
  return new Message()
    .integer(1, 8)
    .message(7, graph.text(2, 'g').message(11, port('X')).message(12, port('Y')))
    .message(8, opset)
    .finish();
}

const node = (operator: string, inputs: readonly string[], output: string) =>
  [...inputs]
    .reduce((made, input) => made.text(1, input), new Message())
    .text(2, output)
    .text(4, operator);

const product = () => new Message().message(1, node('Mul', ['X', 'W'], 'Y'));
const constant = (tensor: Message) => new Message().text(1, 'value').message(5, tensor).integer(20, 4);

/** Files that multiply their input by a tensor of another file, wherever the format lets that it is. */
const files: Readonly<Record<string, (location: string) => Uint8Array>> = {
  'an initializer': (location) => model(product().message(5, elsewhere(location))),
  'a constant': (location) =>
    model(
      new Message()
        .message(1, node('Constant', [], 'W').message(5, constant(elsewhere(location))))
        .message(1, node('Mul', ['X', 'W'], 'Y')),
    ),
  'a graph in a node': (location) =>
    model(
      product().message(
        1,
        node('If', ['X'], 'Z').message(
          5,
          new Message().text(1, 'then_branch').message(6, new Message().message(5, elsewhere(location))),
        ),
      ),
    ),
  'a sparse tensor': (location) => model(product().message(15, new Message().message(1, elsewhere(location)))),
  'a function': (location) =>
    new Message()
      .integer(1, 8)
      .message(25, new Message().message(7, node('Constant', [], 'W').message(5, constant(elsewhere(location)))))
      .finish(),
};

describe.each(Object.entries(files))('a file with a tensor elsewhere, in %s', (_where, file) => {
  // The first is in the working directory of the tests.
  test.each(['package.json', '/etc/passwd', '../../../../etc/passwd', ''])(
    'reads nothing of "%s"',
    async (location) => {
      expect(externalTensors(file(location))).toEqual([{ name: 'W', location, offset: 0, length: 8 }]);
      await expect(onnxRuntime.load(file(location))).rejects.toMatchObject({
        code: 'MODEL_FILE',
        message: expect.stringContaining(`is in another file, \\"${location}\\"`),
      });
    },
  );
});

test('a child process and a thread refuse such a file too', async () => {
  const file = files['an initializer']?.('package.json') ?? new Uint8Array();
  await expect(tryOutOnnx(file)).rejects.toMatchObject({ message: expect.stringContaining('package.json') });
  await expect(onnxThreads.load(file)).rejects.toMatchObject({ message: expect.stringContaining('package.json') });
});

test('with its tensors inside the file gives the answers of the whole model', async () => {
  const data = Uint8Array.from([9, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  for (const where of ['an initializer', 'a constant']) {
    const whole = withTensorsInside(files[where]?.('w.data') ?? data, new Map([['w.data', data]]));
    expect(externalTensors(whole)).toEqual([]);
    const loaded = await onnxRuntime.load(whole);
    const [{ data: out }] = await loaded.run([
      { name: 'X', type: 'UINT8', shape: [8], data: new Uint8Array(8).fill(2) },
    ]);
    expect([...(out as Uint8Array)]).toEqual([18, 2, 4, 6, 8, 10, 12, 14]);
    await loaded.close();
  }
});

test('a file without such tensors stays as it is', () => {
  const file = rowSumFile();
  expect(externalTensors(file)).toEqual([]);
  expect(withTensorsInside(file, new Map())).toBe(file);
});

test.each([
  ['absent', new Map(), {}],
  ['too short', new Map([['w.data', new Uint8Array(7)]]), {}],
  ['at no place', new Map([['w.data', new Uint8Array(80)]]), { offset: '-1' }],
  ['beyond the end', new Map([['w.data', new Uint8Array(80)]]), { offset: '79' }],
])('a tensor that is %s is a fault', (_what, contents, more) => {
  const file = model(product().message(5, elsewhere('w.data', 8, more)));
  expect(() => withTensorsInside(file, contents)).toThrow(OnnxFileFault);
});

test('any bytes, and any change of a file, are read or an OnnxFileFault', () => {
  const file = files['a graph in a node']?.('w.data') ?? new Uint8Array();
  const read = (bytes: Uint8Array) => {
    try {
      externalTensors(bytes);
      withTensorsInside(bytes, new Map([['w.data', new Uint8Array(8)]]));
    } catch (error) {
      if (!(error instanceof OnnxFileFault)) throw error;
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), read), { numRuns: 2_000 });
  const changed = fc.record({ at: fc.nat(file.length - 1), byte: fc.nat(255), cut: fc.nat(file.length) });
  fc.assert(
    fc.property(changed, ({ at, byte, cut }) => {
      const bytes = file.slice();
      bytes[at] = byte;
      read(bytes);
      read(bytes.subarray(0, cut));
    }),
    { numRuns: 2_000 },
  );
});

test('messages that are nested without end are a fault', () => {
  let inner = new Message();
  for (let i = 0; i < 400; i += 1)
    inner = new Message().message(1, new Message().message(5, new Message().message(6, inner)));
  expect(() => externalTensors(new Message().message(7, inner).finish())).toThrow(OnnxFileFault);
});

test("a version that MLflow's client logged with its tensors in another file is served with them", async () => {
  const site = await registrySite('memory');
  const put = (path: string, body: Uint8Array<ArrayBuffer> | string) =>
    fetch(`${site.url}/api/2.0/mlflow-artifacts/artifacts/${path}`, { method: 'PUT', body });
  await put('1/a/MLmodel', 'flavors:\n  onnx:\n    data: model.onnx\n');
  await put('1/a/model.onnx', Uint8Array.from(files['an initializer']?.('5f3a') ?? []));
  await put('1/a/5f3a', new Uint8Array(8).fill(3));
  await call(site, 'POST', '/mlflow/registered-models/create', { name: 'm' });
  await call(site, 'POST', '/mlflow/model-versions/create', { name: 'm', source: 'mlflow-artifacts:/1/a' });
  const record = await site.registry.versionRecord('m', 1);
  if (record === null) throw new Error('there is no version');
  const opened = await openForeign(record, { artifacts: site.artifacts, python: null });
  const loaded = await onnxRuntime.load(opened.kind === 'onnx' ? opened.file : new Uint8Array());
  const [{ data }] = await loaded.run([{ name: 'X', type: 'UINT8', shape: [8], data: new Uint8Array(8).fill(2) }]);
  expect([...(data as Uint8Array)]).toEqual(new Array(8).fill(6));
  await loaded.close();
});

test('a folder of Triton may have tensors in files next to the model, and in no others', async () => {
  const root = mkdtempSync(join(tmpdir(), 'headrace-external-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'm', '1'), { recursive: true });
  writeFileSync(join(root, 'm', 'w.data'), new Uint8Array(8).fill(9));
  writeFileSync(join(root, 'm', '1', 'w.data'), new Uint8Array(8).fill(5));
  const open = async (location: string) => {
    writeFileSync(join(root, 'm', '1', 'model.onnx'), files['an initializer']?.(location) ?? '');
    return (await new TritonRepository(root).find('m'))?.open('1', 'model.onnx');
  };
  const opened = await open('w.data');
  const loaded = await onnxRuntime.load(opened?.kind === 'onnx' ? opened.file : new Uint8Array());
  const [{ data }] = await loaded.run([{ name: 'X', type: 'UINT8', shape: [8], data: new Uint8Array(8).fill(2) }]);
  expect([...(data as Uint8Array)]).toEqual(new Array(8).fill(10));
  await loaded.close();
  symlinkSync(join(root, 'm', 'w.data'), join(root, 'm', '1', 'link'));
  for (const location of ['../w.data', '/etc/passwd', '..', '', 'none', 'link', 'a/b', 'a\\b'])
    await expect(open(location), location).rejects.toMatchObject({ code: 'OIP_LOAD' });
});
