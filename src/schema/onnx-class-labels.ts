import { fieldsOf } from './onnx-fields.ts';

/*
 * A classifier of ai.onnx.ml names its classes as attributes of its node; the second output of the node holds a number of each:
 *
 *   ModelProto → graph 7 → node 1: input 1, output 2, op_type 4, attribute 5
 *   AttributeProto: name 1, ints 8, strings 9; classlabels_ints, classlabels_int64s or classlabels_strings
 *
 * An exporter puts steps after it that keep the classes in their places: those of KEEPING.
 */

const KEEPING: ReadonlySet<string> = new Set(['Identity', 'Cast', 'Normalizer', 'Softmax']);

interface Node {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly labels: readonly string[] | null;
}

/** The classes of an output of an ONNX file, in the order of its numbers; null: the file names none. Error: OnnxFileFault. */
export function classLabels(file: Uint8Array, output: string): readonly string[] | null {
  const nodes = nodesOf(file);
  let name = output;
  // A name is the output of one node at most, so the way up has an end.
  for (let steps = 0; steps <= nodes.length; steps += 1) {
    const node = nodes.find(({ outputs }) => outputs.includes(name));
    if (node === undefined) return null;
    if (node.labels !== null && node.outputs[1] === name) return node.labels;
    if (!KEEPING.has(node.operator)) return null;
    [name] = node.inputs;
  }
  return null;
}

function nodesOf(file: Uint8Array): readonly Node[] {
  const nodes: Node[] = [];
  for (const graph of contents(file, 7)) for (const node of contents(graph, 1)) nodes.push(nodeOf(node));
  return nodes;
}

function nodeOf(bytes: Uint8Array): Node {
  const labels = contents(bytes, 5).flatMap((attribute) => labelsOf(attribute) ?? []);
  const [operator = ''] = contents(bytes, 4).map(textOf);
  return {
    operator,
    inputs: contents(bytes, 1).map(textOf),
    outputs: contents(bytes, 2).map(textOf),
    labels: labels.length === 0 ? null : labels,
  };
}

function labelsOf(attribute: Uint8Array): readonly string[] | null {
  const [name = ''] = contents(attribute, 1).map(textOf);
  if (name === 'classlabels_strings') return contents(attribute, 9).map(textOf);
  if (name !== 'classlabels_ints' && name !== 'classlabels_int64s') return null;
  return [...fieldsOf(attribute)].flatMap(({ number, wire, at, to, from }) => {
    if (number !== 8) return [];
    return integersOf(attribute.subarray(wire === 0 ? from + 1 : at, to));
  });
}

/** Integers of 64 bits, each in as many bytes of 7 bits as it takes. */
function integersOf(bytes: Uint8Array): readonly string[] {
  const found: string[] = [];
  let [value, shift] = [0n, 0n];
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (byte >= 0x80) continue;
    found.push(String(BigInt.asIntN(64, value)));
    [value, shift] = [0n, 0n];
  }
  return found;
}

function contents(bytes: Uint8Array, wanted: number): readonly Uint8Array[] {
  return [...fieldsOf(bytes)].flatMap(({ number, wire, at, to }) =>
    number === wanted && wire === 2 ? [bytes.subarray(at, to)] : [],
  );
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
