import { WireMessage } from '../../src/base/protobuf.ts';
import type { TensorType } from '../../src/schema/tensor.ts';

/** TensorProto.DataType of ONNX. */
const TYPES: Readonly<Record<TensorType, number>> = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
  BF16: 16,
};

type Port = readonly [name: string, type: TensorType, shape: readonly (number | string)[]];
type Constant = readonly [name: string, type: TensorType, shape: readonly number[], data: Uint8Array];
type Node = readonly [operator: string, inputs: readonly string[], output: string];

/** An ONNX file of a few operators without attributes. */
export function onnxFile(
  inputs: readonly Port[],
  nodes: readonly Node[],
  outputs: readonly Port[],
  constants: readonly Constant[] = [],
): Uint8Array {
  const graph = new WireMessage();
  for (const [operator, from, output] of nodes) {
    const node = new WireMessage();
    for (const input of from) node.text(1, input);
    graph.message(1, node.text(2, output).text(4, operator));
  }
  graph.text(2, 'test');
  for (const [name, type, shape, data] of constants) {
    const tensor = new WireMessage();
    for (const size of shape) tensor.integer(1, size);
    graph.message(5, tensor.integer(2, TYPES[type]).text(8, name).bytes(9, data));
  }
  for (const port of inputs) graph.message(11, valueInfo(port));
  for (const port of outputs) graph.message(12, valueInfo(port));
  const opset = new WireMessage().text(1, '').integer(2, 15);
  return new WireMessage().integer(1, 8).text(2, 'test').message(7, graph).message(8, opset).finish();
}

export function identityFile(type: TensorType): Uint8Array {
  return onnxFile([['IN', type, ['n', 'm']]], [['Identity', ['IN'], 'OUT']], [['OUT', type, ['n', 'm']]]);
}

export function addSubFile(): Uint8Array {
  const port = (name: string): Port => [name, 'INT32', ['n', 16]];
  return onnxFile(
    [port('INPUT0'), port('INPUT1')],
    [
      ['Add', ['INPUT0', 'INPUT1'], 'OUTPUT0'],
      ['Sub', ['INPUT0', 'INPUT1'], 'OUTPUT1'],
    ],
    [port('OUTPUT0'), port('OUTPUT1')],
  );
}

function valueInfo([name, type, shape]: Port): WireMessage {
  const dimensions = new WireMessage();
  for (const size of shape)
    dimensions.message(
      1,
      typeof size === 'string' ? new WireMessage().text(2, size) : new WireMessage().integer(1, size),
    );
  const tensor = new WireMessage().integer(1, TYPES[type]).message(2, dimensions);
  return new WireMessage().text(1, name).message(2, new WireMessage().message(1, tensor));
}

/** The sum of ten columns. */
export function rowSumFile(): Uint8Array {
  const ones = Buffer.from(new Float32Array(10).fill(1).buffer);
  return onnxFile(
    [['X', 'FP32', ['n', 10]]],
    [['MatMul', ['X', 'W'], 'SUM']],
    [['SUM', 'FP32', ['n']]],
    [['W', 'FP32', [10], ones]],
  );
}
