import type { DescMessage, Message, Registry } from '@bufbuild/protobuf';
import { type DecodedCounts, MOST_VALUES } from '../../schema/json-bounds.ts';
import { checkMessage } from './message-bounds.ts';

/*
 * Messages of the services of the Open Inference Protocol and of its extensions by Triton: field names and numbers as their
 * public definitions have them. A field is `number type`; `*` after the number: repeated; `map`: a map from texts.
 */
type Fields = Readonly<Record<string, string>>;

const NAME_VERSION: Fields = { name: '1 string', version: '2 string' };
const SHARED_REGION: Fields = { name: '1 string', key: '2 string', offset: '3 uint64', byte_size: '4 uint64' };
const CHOICE = 'oneof';

const MESSAGES: Readonly<Record<string, Fields>> = {
  ServerLiveRequest: {},
  ServerLiveResponse: { live: '1 bool' },
  ServerReadyRequest: {},
  ServerReadyResponse: { ready: '1 bool' },
  ModelReadyRequest: NAME_VERSION,
  ModelReadyResponse: { ready: '1 bool' },
  ServerMetadataRequest: {},
  ServerMetadataResponse: { ...NAME_VERSION, extensions: '3* string' },
  ModelMetadataRequest: NAME_VERSION,
  TensorMetadata: { name: '1 string', datatype: '2 string', shape: '3* int64' },
  ModelMetadataResponse: {
    name: '1 string',
    versions: '2* string',
    platform: '3 string',
    inputs: '4* TensorMetadata',
    outputs: '5* TensorMetadata',
    properties: '6 map string',
  },
  InferParameter: {
    bool_param: '1 bool oneof',
    int64_param: '2 int64 oneof',
    string_param: '3 string oneof',
    double_param: '4 double oneof',
    uint64_param: '5 uint64 oneof',
  },
  InferTensorContents: {
    bool_contents: '1* bool',
    int_contents: '2* int32',
    int64_contents: '3* int64',
    uint_contents: '4* uint32',
    uint64_contents: '5* uint64',
    fp32_contents: '6* float',
    fp64_contents: '7* double',
    bytes_contents: '8* bytes',
  },
  InferTensor: {
    name: '1 string',
    datatype: '2 string',
    shape: '3* int64',
    parameters: '4 map InferParameter',
    contents: '5 InferTensorContents',
  },
  InferRequestedOutputTensor: { name: '1 string', parameters: '2 map InferParameter' },
  ModelInferRequest: {
    model_name: '1 string',
    model_version: '2 string',
    id: '3 string',
    parameters: '4 map InferParameter',
    inputs: '5* InferTensor',
    outputs: '6* InferRequestedOutputTensor',
    raw_input_contents: '7* bytes',
  },
  ModelInferResponse: {
    model_name: '1 string',
    model_version: '2 string',
    id: '3 string',
    parameters: '4 map InferParameter',
    outputs: '5* InferTensor',
    raw_output_contents: '6* bytes',
  },
  ModelStreamInferResponse: { error_message: '1 string', infer_response: '2 ModelInferResponse' },
  StatisticDuration: { count: '1 uint64', ns: '2 uint64' },
  InferStatistics: {
    success: '1 StatisticDuration',
    fail: '2 StatisticDuration',
    queue: '3 StatisticDuration',
    compute_input: '4 StatisticDuration',
    compute_infer: '5 StatisticDuration',
    compute_output: '6 StatisticDuration',
    cache_hit: '7 StatisticDuration',
    cache_miss: '8 StatisticDuration',
  },
  InferBatchStatistics: {
    batch_size: '1 uint64',
    compute_input: '2 StatisticDuration',
    compute_infer: '3 StatisticDuration',
    compute_output: '4 StatisticDuration',
  },
  ModelStatistics: {
    ...NAME_VERSION,
    last_inference: '3 uint64',
    inference_count: '4 uint64',
    execution_count: '5 uint64',
    inference_stats: '6 InferStatistics',
    batch_stats: '7* InferBatchStatistics',
  },
  ModelStatisticsRequest: NAME_VERSION,
  ModelStatisticsResponse: { model_stats: '1* ModelStatistics' },
  ModelInput: { name: '1 string', data_type: '2 int32', format: '3 int32', dims: '4* int64' },
  ModelOutput: { name: '1 string', data_type: '2 int32', dims: '3* int64' },
  LatestVersions: { num_versions: '1 uint32' },
  AllVersions: {},
  SpecificVersions: { versions: '1* int64' },
  ModelVersionPolicy: { latest: '1 LatestVersions', all: '2 AllVersions', specific: '3 SpecificVersions' },
  ModelInstanceGroup: { name: '1 string', count: '2 int32', kind: '4 int32' },
  ModelQueuePolicy: {
    timeout_action: '1 int32',
    default_timeout_microseconds: '2 uint64',
    allow_timeout_override: '3 bool',
    max_queue_size: '4 uint32',
  },
  ModelDynamicBatching: {
    preferred_batch_size: '1* int32',
    max_queue_delay_microseconds: '2 uint64',
    priority_levels: '4 uint64',
    default_priority_level: '5 uint64',
    default_queue_policy: '6 ModelQueuePolicy',
  },
  ModelParameter: { string_value: '1 string' },
  ModelTransactionPolicy: { decoupled: '1 bool' },
  ModelConfig: {
    name: '1 string',
    platform: '2 string',
    version_policy: '3 ModelVersionPolicy',
    max_batch_size: '4 int32',
    input: '5* ModelInput',
    output: '6* ModelOutput',
    instance_group: '7* ModelInstanceGroup',
    default_model_filename: '8 string',
    dynamic_batching: '11 ModelDynamicBatching',
    parameters: '14 map ModelParameter',
    backend: '17 string',
    model_transaction_policy: '19 ModelTransactionPolicy',
  },
  ModelConfigRequest: NAME_VERSION,
  ModelConfigResponse: { config: '1 ModelConfig' },
  ModelRepositoryParameter: {
    bool_param: '1 bool oneof',
    int64_param: '2 int64 oneof',
    string_param: '3 string oneof',
    bytes_param: '4 bytes oneof',
  },
  RepositoryIndexRequest: { repository_name: '1 string', ready: '2 bool' },
  ModelIndex: { ...NAME_VERSION, state: '3 string', reason: '4 string' },
  RepositoryIndexResponse: { models: '1* ModelIndex' },
  RepositoryModelLoadRequest: {
    repository_name: '1 string',
    model_name: '2 string',
    parameters: '3 map ModelRepositoryParameter',
  },
  RepositoryModelLoadResponse: {},
  RepositoryModelUnloadRequest: {
    repository_name: '1 string',
    model_name: '2 string',
    parameters: '3 map ModelRepositoryParameter',
  },
  RepositoryModelUnloadResponse: {},
  SharedMemoryRegion: SHARED_REGION,
  SystemSharedMemoryStatusRequest: { name: '1 string' },
  SystemSharedMemoryStatusResponse: { regions: '1 map SharedMemoryRegion' },
  SystemSharedMemoryRegisterRequest: SHARED_REGION,
  SystemSharedMemoryRegisterResponse: {},
  SystemSharedMemoryUnregisterRequest: { name: '1 string' },
  SystemSharedMemoryUnregisterResponse: {},
  CudaSharedMemoryStatusRequest: { name: '1 string' },
  CudaSharedMemoryStatusResponse: { regions: '1 map SharedMemoryRegion' },
  CudaSharedMemoryRegisterRequest: { name: '1 string' },
  CudaSharedMemoryRegisterResponse: {},
  CudaSharedMemoryUnregisterRequest: { name: '1 string' },
  CudaSharedMemoryUnregisterResponse: {},
};

/** Field types of protobuf (FieldDescriptorProto.Type). */
const TYPES: Readonly<Record<string, number>> = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  int32: 5,
  bool: 8,
  string: 9,
  message: 11,
  bytes: 12,
  uint32: 13,
};

const OPTIONAL = 1;
const REPEATED = 3;
const PACKAGE = 'inference';

/** A decoded message as plain data; field names are in camel case. */
export type PlainMessage = Readonly<Record<string, unknown>>;

/** Bounds of a message to decode. */
export interface DecodeBounds {
  readonly mostValues?: number;
  /** Called with the counts of the message, before any of it is made; may throw. */
  readonly counted?: (counts: DecodedCounts) => void;
}

/** The messages of the services, encoded and decoded by their names. */
export interface Proto {
  encode(name: string, fields: object): Buffer;
  /** Checks the bounds of a message before it makes any object. Error: SERVER_BODY_BOUNDS; any other for bytes that are no message. */
  decode(name: string, bytes: Uint8Array, bounds?: DecodeBounds): PlainMessage;
}

let loaded: Promise<Proto> | null = null;

/** Loads the library of messages, which users of gRPC install, once in a process. Throws where it is absent. */
export function loadProto(): Promise<Proto> {
  loaded ??= makeProto();
  return loaded;
}

async function makeProto(): Promise<Proto> {
  const core = await import('@bufbuild/protobuf');
  const { FileDescriptorProtoSchema } = await import('@bufbuild/protobuf/wkt');
  const messageType = Object.entries(MESSAGES).map(([name, fields]) => descriptorOf(name, fields));
  const init = { name: 'inference.proto', package: PACKAGE, syntax: 'proto3', messageType };
  const registry: Registry = core.createFileRegistry(core.create(FileDescriptorProtoSchema, init), () => undefined);
  const schemas = new Map(Object.keys(MESSAGES).map((name) => [name, schemaOf(registry, name)]));
  const known = (name: string) => schemas.get(name) ?? schemaOf(registry, name);
  return {
    encode: (name, fields) => {
      const schema = known(name);
      const bytes = core.toBinary(schema, core.create(schema, fields as Partial<Message>));
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    },
    decode: (name, bytes, { mostValues = MOST_VALUES, counted } = {}) => {
      const schema = known(name);
      const counts = checkMessage(schema, bytes, mostValues);
      counted?.(counts);
      return core.fromBinary(schema, bytes, { readUnknownFields: false }) as unknown as PlainMessage;
    },
  };
}

function schemaOf(registry: Registry, name: string): DescMessage {
  const schema = registry.getMessage(`${PACKAGE}.${name}`);
  if (schema === undefined) throw new Error(`there is no message ${name}`);
  return schema;
}

function descriptorOf(name: string, fields: Fields) {
  const all = Object.entries(fields).map(([field, text]) => ({ field, ...partsOf(text) }));
  const maps = all.filter(({ isMap }) => isMap);
  return {
    name,
    field: all.map(({ field, number, type, isRepeated, isMap, isChoice }) => ({
      name: field,
      jsonName: camelCase(field),
      number,
      label: isRepeated || isMap ? REPEATED : OPTIONAL,
      ...(isMap ? messageType(`${name}.${entryName(field)}`) : typeOf(type)),
      ...(isChoice ? { oneofIndex: 0 } : {}),
    })),
    oneofDecl: all.some(({ isChoice }) => isChoice) ? [{ name: 'choice' }] : [],
    nestedType: maps.map(({ field, type }) => ({
      name: entryName(field),
      field: [
        { name: 'key', jsonName: 'key', number: 1, label: OPTIONAL, ...typeOf('string') },
        { name: 'value', jsonName: 'value', number: 2, label: OPTIONAL, ...typeOf(type) },
      ],
      options: { mapEntry: true },
    })),
  };
}

function partsOf(text: string) {
  const [number = '', ...words] = text.split(' ');
  const isMap = words[0] === 'map';
  return {
    number: Number.parseInt(number, 10),
    isRepeated: number.endsWith('*'),
    isMap,
    isChoice: words.includes(CHOICE),
    type: (isMap ? words[1] : words[0]) ?? '',
  };
}

function typeOf(type: string) {
  return Object.hasOwn(TYPES, type) ? { type: TYPES[type] } : messageType(type);
}

function messageType(name: string) {
  return { type: TYPES['message'], typeName: `.${PACKAGE}.${name}` };
}

function entryName(field: string): string {
  const camel = camelCase(field);
  return `${camel.charAt(0).toUpperCase()}${camel.slice(1)}Entry`;
}

function camelCase(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
