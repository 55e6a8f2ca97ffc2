import { WireFault, type WireField, wireFields } from '../base/protobuf.ts';

/** Why bytes are not an ONNX file that can be opened, in a few words. */
export class OnnxFileFault extends Error {}

/** The fields of a message of an ONNX file, in order. Error: OnnxFileFault. */
export function* fieldsOf(bytes: Uint8Array): Generator<WireField> {
  try {
    yield* wireFields(bytes);
  } catch (error) {
    throw error instanceof WireFault ? new OnnxFileFault('it is not of the format') : error;
  }
}
