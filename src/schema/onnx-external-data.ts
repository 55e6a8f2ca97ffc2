import { fieldsOf, OnnxFileFault } from './onnx-fields.ts';

/*
 * ONNX keeps tensors in its file, or in other files that it names:
 *
 *   ModelProto → graph 7 → initializer 5, node 1 → attribute 5 → t 5, tensors 10, g 6, graphs 11; functions, training, sparse tensors
 *   TensorProto: raw_data 9; external_data 13, entries of key 1 and value 2: location, offset, length; data_location 14, 1 = external
 *
 * A library that opens a file from memory looks for the others in the working directory of the process, which has files of other owners.
 */

type Kind = 'model' | 'graph' | 'node' | 'attribute' | 'sparse' | 'function' | 'training' | 'tensor';

/** Fields that hold messages in which a tensor may be. */
const INSIDE: Readonly<Record<Kind, Readonly<Record<number, Kind>>>> = {
  model: { 7: 'graph', 20: 'training', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
  function: { 7: 'node', 11: 'attribute' },
  training: { 1: 'graph', 2: 'graph' },
  tensor: {},
};

const RAW_DATA = 9;
const EXTERNAL_DATA = 13;
const DATA_LOCATION = 14;

/** Nesting above which parsers of the format stop. */
const DEEPEST = 100;

/** The place of a tensor that is in another file. */
export interface ExternalTensor {
  readonly name: string;
  /** The path of the other file, relative to the model's. */
  readonly location: string;
  readonly offset: number;
  /** null: to the end of the file. */
  readonly length: number | null;
}

/** The tensors of a file that are in other files. Error: OnnxFileFault, for bytes that are not of the format. */
export function externalTensors(file: Uint8Array): readonly ExternalTensor[] {
  const found: ExternalTensor[] = [];
  rebuilt('model', file, 0, (tensor) => {
    found.push(tensor);
    return new Uint8Array();
  });
  return found;
}

/** The same model with every tensor in its own file. Error: OnnxFileFault, where a file is absent or too short. */
export function withTensorsInside(file: Uint8Array, files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  return rebuilt('model', file, 0, ({ name, location, offset, length }) => {
    const bytes = files.get(location.replace(/^\.\//, ''));
    if (bytes === undefined)
      throw new OnnxFileFault(`tensor "${name}" is in the file "${location}", which is not there`);
    const end = length === null ? bytes.length : offset + length;
    if (end > bytes.length) throw new OnnxFileFault(`tensor "${name}" goes beyond the end of the file "${location}"`);
    return bytes.subarray(offset, end);
  });
}

type Read = (tensor: ExternalTensor) => Uint8Array;

/** A message with its external tensors replaced; the same bytes where it has none. */
function rebuilt(kind: Kind, bytes: Uint8Array, depth: number, read: Read): Uint8Array {
  if (depth > DEEPEST) throw new OnnxFileFault('its messages are nested too deeply');
  if (kind === 'tensor') return tensorInside(bytes, read);
  const parts: Uint8Array[] = [];
  let copied = 0;
  for (const field of fieldsOf(bytes)) {
    const inside = field.wire === 2 ? INSIDE[kind][field.number] : undefined;
    if (inside === undefined) continue;
    const content = bytes.subarray(field.at, field.to);
    const changed = rebuilt(inside, content, depth + 1, read);
    if (changed === content) continue;
    parts.push(bytes.subarray(copied, field.from), header(field.number, changed.length), changed);
    copied = field.to;
  }
  return parts.length === 0 ? bytes : joined([...parts, bytes.subarray(copied)]);
}

function tensorInside(bytes: Uint8Array, read: Read): Uint8Array {
  let isExternal = false;
  let name = '';
  const entries = new Map<string, string>();
  const kept: Uint8Array[] = [];
  for (const field of fieldsOf(bytes)) {
    const content = bytes.subarray(field.at, field.to);
    if (field.number === DATA_LOCATION && field.wire === 0) isExternal ||= field.value !== 0;
    else if (field.number === EXTERNAL_DATA && field.wire === 2) entries.set(...entryOf(content));
    else kept.push(bytes.subarray(field.from, field.to));
    if (field.number === 8 && field.wire === 2) name = textOf(content);
  }
  if (!isExternal) return bytes;
  const location = entries.get('location') ?? '';
  const data = read({
    name,
    location,
    offset: wholeOf(entries.get('offset') ?? '0', name),
    length: entries.has('length') ? wholeOf(entries.get('length') ?? '', name) : null,
  });
  return joined([...kept, header(RAW_DATA, data.length), data]);
}

function entryOf(bytes: Uint8Array): [key: string, value: string] {
  const texts = ['', '', ''];
  for (const { number, wire, at, to } of fieldsOf(bytes))
    if (wire === 2 && number <= 2) texts[number] = textOf(bytes.subarray(at, to));
  return [texts[1], texts[2]];
}

function wholeOf(text: string, name: string): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(number)) throw new OnnxFileFault(`tensor "${name}" has the place "${text}" in another file`);
  return number;
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Tag and length of a field of bytes. */
function header(number: number, length: number): Uint8Array {
  const bytes: number[] = [];
  for (let value of [number * 8 + 2, length]) {
    for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
    bytes.push(value);
  }
  return Uint8Array.from(bytes);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
