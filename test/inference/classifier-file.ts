import { WireMessage } from '../../src/base/protobuf.ts';

const FLOAT = 1;
const INT64 = 7;
const STRING = 8;

/** A linear classifier of two numbers a row with three classes, whose probabilities go through a Normalizer, as scikit-learn's exporter writes it. */
export function classifierFile(labels: readonly string[] | readonly number[]): Uint8Array<ArrayBuffer> {
  const names = labels.filter((label) => typeof label === 'string');
  const isText = names.length > 0;
  const node = new WireMessage().text(1, 'X').text(2, 'label').text(2, 'raw').text(4, 'LinearClassifier');
  for (const attribute of [
    floats('coefficients', [1, 0.25, -0.5, 2, -1, -1.5]),
    floats('intercepts', [0.1, -0.2, 0.3]),
    isText ? texts('classlabels_strings', names) : integers('classlabels_ints', labels.map(Number)),
    new WireMessage().text(1, 'multi_class').integer(3, 1).integer(20, 2),
    new WireMessage().text(1, 'post_transform').text(4, 'SOFTMAX').integer(20, 3),
  ])
    node.message(5, attribute);
  const norm = new WireMessage().text(1, 'norm').text(4, 'L1').integer(20, 3);
  const normalizer = new WireMessage().text(1, 'raw').text(2, 'probabilities').text(4, 'Normalizer').message(5, norm);
  const graph = new WireMessage()
    .message(1, node.text(7, 'ai.onnx.ml'))
    .message(1, normalizer.text(7, 'ai.onnx.ml'))
    .text(2, 'classifier')
    .message(11, port('X', FLOAT, [null, 2]))
    .message(12, port('label', isText ? STRING : INT64, [null]))
    .message(12, port('probabilities', FLOAT, [null, 3]));
  const sets = [new WireMessage().text(1, '').integer(2, 15), new WireMessage().text(1, 'ai.onnx.ml').integer(2, 1)];
  const model = new WireMessage().integer(1, 8).text(2, 'test').message(7, graph);
  for (const set of sets) model.message(8, set);
  return Uint8Array.from(model.finish());
}

function floats(name: string, values: readonly number[]): WireMessage {
  return new WireMessage()
    .text(1, name)
    .bytes(7, new Uint8Array(Float32Array.from(values).buffer))
    .integer(20, 6);
}

function texts(name: string, values: readonly string[]): WireMessage {
  const attribute = new WireMessage().text(1, name);
  for (const value of values) attribute.text(9, value);
  return attribute.integer(20, 8);
}

function integers(name: string, values: readonly number[]): WireMessage {
  const attribute = new WireMessage().text(1, name);
  for (const value of values) attribute.integer(8, value);
  return attribute.integer(20, 7);
}

function port(name: string, type: number, shape: readonly (number | null)[]): WireMessage {
  const sizes = new WireMessage();
  for (const size of shape)
    sizes.message(1, size === null ? new WireMessage().text(2, 'n') : new WireMessage().integer(1, size));
  const tensor = new WireMessage().integer(1, type).message(2, sizes);
  return new WireMessage().text(1, name).message(2, new WireMessage().message(1, tensor));
}
