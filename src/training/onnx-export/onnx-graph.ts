import { ByteWriter } from '../../base/bytes.ts';
import { WireMessage } from '../../base/protobuf.ts';

/** ONNX data types (TensorProto.DataType). */
const FLOAT = 1;
const INT64 = 7;

/** IR version and operator set that ONNX Runtime has read since 1.10. */
const IR_VERSION = 8;
const OPSET = 15;

/** Version of the operators of `ai.onnx.ml`: the first whose trees say where missing values go is 1; 3 has been read since 1.10. */
const ML_OPSET = 3;

/** An attribute of a node (AttributeProto): an integer, a text, or a list. */
export type Attribute =
  | number
  | string
  | { readonly integers: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly texts: readonly string[] };
export type Attributes = Readonly<Record<string, Attribute>>;

export interface NodeOptions {
  /** Name of its output. */
  readonly output?: string;
  readonly domain?: 'ai.onnx.ml';
}

/**
 * Writes an ONNX model (onnx.proto3): nodes in order, constants as initializers, one float input [n, columns] and one
 * float output [n].
 */
export class OnnxGraph {
  readonly #nodes: WireMessage[] = [];
  readonly #constants: WireMessage[] = [];
  #next = 0;
  #ml = false;

  /** A float constant; gives its name. */
  floats(values: readonly number[], shape: readonly number[]): string {
    const data = new Uint8Array(Float32Array.from(values).buffer);
    return this.#constant(FLOAT, data, shape);
  }

  /** A constant of 64-bit integers; gives its name. */
  integers(values: readonly number[]): string {
    const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.#constant(INT64, data, [values.length]);
  }

  /** An operator; gives the name of its output. */
  node(
    operator: string,
    inputs: readonly string[],
    attributes: Attributes = {},
    { output, domain }: NodeOptions = {},
  ): string {
    const name = output ?? this.#name();
    const message = new WireMessage();
    for (const input of inputs) message.text(1, input);
    message.text(2, name).text(4, operator);
    for (const [attribute, value] of Object.entries(attributes)) message.message(5, attributeOf(attribute, value));
    if (domain !== undefined) {
      message.text(7, domain);
      this.#ml = true;
    }
    this.#nodes.push(message);
    return name;
  }

  /** The whole file. */
  finish(input: string, columns: number, output: string): Uint8Array {
    const graph = new WireMessage();
    for (const node of this.#nodes) graph.message(1, node);
    graph.text(2, 'headrace');
    for (const constant of this.#constants) graph.message(5, constant);
    graph.message(11, valueInfo(input, ['n', columns])).message(12, valueInfo(output, ['n']));
    const opset = new WireMessage().text(1, '').integer(2, OPSET);
    const model = new WireMessage().integer(1, IR_VERSION).text(2, 'headrace').message(7, graph).message(8, opset);
    if (this.#ml) model.message(8, new WireMessage().text(1, 'ai.onnx.ml').integer(2, ML_OPSET));
    return model.finish();
  }

  #constant(type: number, data: Uint8Array, shape: readonly number[]): string {
    const name = this.#name();
    const tensor = new WireMessage();
    for (const size of shape) tensor.integer(1, size);
    this.#constants.push(tensor.integer(2, type).text(8, name).bytes(9, data));
    return name;
  }

  #name(): string {
    this.#next += 1;
    return `v${this.#next}`;
  }
}

function valueInfo(name: string, shape: readonly (string | number)[]): WireMessage {
  const dimensions = new WireMessage();
  for (const size of shape) {
    dimensions.message(
      1,
      typeof size === 'string' ? new WireMessage().text(2, size) : new WireMessage().integer(1, size),
    );
  }
  const tensor = new WireMessage().integer(1, FLOAT).message(2, dimensions);
  return new WireMessage().text(1, name).message(2, new WireMessage().message(1, tensor));
}

/** Numbers of attribute types: FLOATS 6, INTS 7, STRINGS 8, INT 2, STRING 3. */
function attributeOf(name: string, value: Attribute): WireMessage {
  const message = new WireMessage().text(1, name);
  if (typeof value === 'number') return message.integer(3, value).integer(20, 2);
  if (typeof value === 'string') return message.text(4, value).integer(20, 3);
  if ('floats' in value) {
    return message.bytes(7, new Uint8Array(Float32Array.from(value.floats).buffer)).integer(20, 6);
  }
  if ('integers' in value) return message.bytes(8, packed(value.integers)).integer(20, 7);
  for (const text of value.texts) message.text(9, text);
  return message.integer(20, 8);
}

function packed(integers: readonly number[]): Uint8Array {
  const writer = new ByteWriter();
  for (const integer of integers) writer.varint(integer);
  return writer.finish();
}
