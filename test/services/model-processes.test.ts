// @module-tag deep

import { describe, test } from 'vitest';
import { onnxProcesses } from '../../src/backends/onnx/onnx-processes.ts';
import { modelRuntimeContracts } from '../../src/testing/contracts/model-runtime.ts';
import { runtimeSubject } from '../serving/runtime-subject.ts';

describe('models in processes keep the rules of the port', () => {
  for (const contract of modelRuntimeContracts)
    test(`rule ${contract.rule}: ${contract.name}`, () => contract.run(runtimeSubject(onnxProcesses)));
});
