import { fail } from '../../base/errors/fail.ts';
import { memoryOf, type Region } from '../../serving/oip/shared-memory.ts';
import type { GrpcMethod } from './grpc-methods.ts';

function fieldsOf({ name, key, offset, byteSize }: Region): object {
  return { name, key, offset: BigInt(offset), byteSize: BigInt(byteSize) };
}

/** Methods of tensors in shared memory. CUDA's is never registered, so its list is empty. */
export const sharedMemoryMethods: Readonly<Record<string, GrpcMethod>> = {
  SystemSharedMemoryStatus: {
    scopes: ['read'],
    changes: null,
    answer: async ({ models }, request) => {
      const regions = memoryOf(models.sharedMemory).status(String(request['name']));
      return { regions: Object.fromEntries(regions.map((region) => [region.name, fieldsOf(region)])) };
    },
  },
  SystemSharedMemoryRegister: {
    scopes: ['admin'],
    changes: 'memory',
    answer: async ({ models }, { name, key, offset, byteSize }) => {
      const sizes = { offset: Number(offset), byteSize: Number(byteSize) };
      memoryOf(models.sharedMemory).register({ name: String(name), key: String(key), ...sizes });
      return {};
    },
  },
  SystemSharedMemoryUnregister: {
    scopes: ['admin'],
    changes: 'memory',
    answer: async ({ models }, request) => {
      memoryOf(models.sharedMemory).unregister(String(request['name']));
      return {};
    },
  },
  CudaSharedMemoryStatus: { scopes: ['read'], changes: null, answer: async () => ({ regions: {} }) },
  CudaSharedMemoryRegister: {
    scopes: ['admin'],
    changes: 'memory',
    answer: async () => {
      throw fail('OIP_UNSUPPORTED', { reason: 'shared memory of CUDA' });
    },
  },
  CudaSharedMemoryUnregister: { scopes: ['admin'], changes: 'memory', answer: async () => ({}) },
};
