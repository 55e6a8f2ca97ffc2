import { expect, test } from 'vitest';
import { numbersOfBrains, numbersOfHalfs } from '../../src/schema/half-floats.ts';
import { classLabels } from '../../src/schema/onnx-class-labels.ts';
import { classifierFile } from '../inference/classifier-file.ts';
import { identityFile } from './onnx-files.ts';

const CLASSES = ['setosa', 'versi color', 'virginica'];

test('classes are those of the node whose numbers the output has, through steps that keep their places', () => {
  const file = classifierFile(CLASSES);
  expect(classLabels(file, 'probabilities')).toEqual(CLASSES);
  expect(classLabels(file, 'raw')).toEqual(CLASSES);
  expect(classLabels(file, 'label')).toBe(null);
  expect(classLabels(identityFile('FP32'), 'OUT')).toBe(null);
});

test('half floats are the numbers that their bits say, all 65,536 of them', () => {
  const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i);
  const brains = numbersOfBrains(bits);
  expect(new Uint32Array(brains.buffer).every((value, i) => value === i * 65_536)).toBe(true);
  const halfs = numbersOfHalfs(bits);
  const Native: unknown = Reflect.get(globalThis, 'Float16Array');
  if (typeof Native !== 'function') throw new Error('the tests run on a Node that has half floats');
  const own: ArrayLike<number> = Reflect.construct(Native, [bits.buffer]);
  expect([...halfs].every((value, i) => Object.is(value, own[i]))).toBe(true);
});
