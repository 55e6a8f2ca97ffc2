/** Why bytes are not an ONNX file that can be opened, in a few words. */
export class OnnxFileFault extends Error {}

/** A field of a message. */
interface Field {
  readonly number: number;
  readonly wire: number;
  /** Value of a number; of bytes their length. */
  readonly value: number;
  /** Where the field begins, where its bytes begin, and where it ends. */
  readonly from: number;
  readonly at: number;
  readonly to: number;
}

const MALFORMED = 'it is not of the format';

/** The fields of a message of an ONNX file, in order. Error: OnnxFileFault. */
export function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let [value, scale] = [0, 1];
    for (let i = 0; i < 10; i += 1) {
      if (at >= bytes.length) break;
      const byte = bytes[at];
      at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new OnnxFileFault(MALFORMED);
  };
  while (at < bytes.length) {
    const from = at;
    const tag = varint();
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    const value = wire === 0 || wire === 2 ? varint() : wire === 1 ? 8 : wire === 5 ? 4 : Number.NaN;
    const to = wire === 0 ? at : at + value;
    if (number === 0 || !(to <= bytes.length)) throw new OnnxFileFault(MALFORMED);
    yield { number, wire, value, from, at, to };
    at = to;
  }
}
