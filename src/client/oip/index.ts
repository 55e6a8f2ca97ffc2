// `headrace/client/oip`: runs models of a server by tensors, anywhere with `fetch`.

export type { Tensor, TensorSpec, TensorType } from '../../schema/tensor.ts';
export { ClientError, isClientError } from '../client-error.ts';
export {
  createOipClient,
  type OipCallOptions,
  type OipClient,
  type OipClientOptions,
  type OipModel,
} from './create-oip-client.ts';
