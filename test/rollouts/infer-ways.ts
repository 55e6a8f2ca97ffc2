import { inferMessage } from '../../src/server/grpc/grpc-methods.ts';
import { loadProto } from '../../src/server/grpc/proto.ts';
import type { ServedProject } from '../../src/server/served-project.ts';

/** The version and the cohort of a caller over gRPC. */
export async function inferByGrpc(
  served: ServedProject,
  key: string,
  { model = 'sold', number = 0.5, timeoutMs = 0 } = {},
) {
  const [proto, caller] = [await loadProto(), { tenant: '', deadline: Number.POSITIVE_INFINITY, signal: null }];
  const fields = {
    modelName: model,
    parameters: {
      headrace_key: { choice: { case: 'stringParam', value: key } },
      ...(timeoutMs === 0 ? {} : { timeout: { choice: { case: 'int64Param', value: BigInt(1_000 * timeoutMs) } } }),
    },
    inputs: [{ name: 'features', datatype: 'FP32', shape: [1n, 1n], contents: { fp32Contents: [number] } }],
  };
  const message = proto.decode('ModelInferRequest', proto.encode('ModelInferRequest', fields));
  const answer = await inferMessage(served, message, caller);
  const { modelVersion, parameters } = proto.decode('ModelInferResponse', proto.encode('ModelInferResponse', answer));
  const lane = parameters as Readonly<Record<string, { readonly choice: { readonly value: unknown } }>>;
  return { version: modelVersion, cohort: lane['headrace_cohort']?.choice.value };
}
