import type { ModelParameter, ParameterType, RunParameters } from '../../ports/model-runtime.ts';
import type { Parameter, Parameters } from './infer-request.ts';
import { refuse } from './refuse.ts';

/** Parameters of a request that the protocol or the server gives a meaning. */
const OF_THE_PROTOCOL = new Set([
  'binary_data_output',
  'priority',
  'sequence_end',
  'sequence_id',
  'sequence_start',
  'timeout',
]);
const OF_THE_SERVER = /^(?:headrace|triton)_/;

const LEAST_INT32 = -(2 ** 31);
const LEAST_INT64 = -(2n ** 63n);

/** The parameters of a run, with a text that is equal for equal values. */
export interface CheckedParameters {
  readonly values: RunParameters;
  readonly key: string;
}

/** Those of a model that declares none. */
export const NO_PARAMETERS: CheckedParameters = { values: {}, key: '' };

/**
 * The parameters that a request sets of a model that declares some, each as its type, and the defaults of the others. Error:
 * OIP_REQUEST, for a parameter that the model does not declare, and one of another type.
 */
export function checkParameters(
  declared: readonly ModelParameter[],
  given: Parameters,
  model: string,
): CheckedParameters {
  const values: Record<string, unknown> = {};
  for (const { name, default: value } of declared) if (value !== null) values[name] = value;
  for (const [name, value] of Object.entries(given)) {
    if (OF_THE_PROTOCOL.has(name) || OF_THE_SERVER.test(name)) continue;
    const parameter = declared.find((one) => one.name === name);
    if (parameter === undefined) throw unknown(name, declared, model);
    values[name] = givenValue(parameter, value, model);
  }
  return { values, key: JSON.stringify(values) };
}

function unknown(name: string, declared: readonly ModelParameter[], model: string) {
  const names = declared.map((one) => `'${one.name}'`).join(', ');
  return refuse(`parameter '${name.slice(0, 80)}' is none of model '${model}', which has ${names}`);
}

/** A list and an object come as JSON texts: parameters of the protocol are single values. */
function givenValue({ name, type, isList }: ModelParameter, given: Parameter, model: string): unknown {
  const wrong = () =>
    refuse(`parameter '${name}' of model '${model}' is no ${isList ? `JSON text of a list of ${type}` : WORDS[type]}`);
  if (!isList && type !== 'json') return elementOf(type, given) ?? raise(wrong());
  const parsed = typeof given === 'string' ? jsonOf(given) : undefined;
  if (parsed === undefined || (isList && !Array.isArray(parsed))) throw wrong();
  if (!isList || !Array.isArray(parsed) || type === 'json') return parsed;
  return parsed.map((one: unknown) => elementOf(type, one) ?? raise(wrong()));
}

const WORDS: Readonly<Record<ParameterType, string>> = {
  boolean: 'boolean',
  integer: 'whole number of 32 bits',
  long: 'whole number of 64 bits',
  float: 'finite number',
  double: 'finite number',
  string: 'text',
  datetime: 'text of a time',
  json: 'JSON text',
};

/** A value as its type; null: it has another one. A whole number of 64 bits is the text of its digits. */
function elementOf(type: ParameterType, value: unknown): unknown {
  switch (type) {
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'string':
      return typeof value === 'string' ? value : null;
    case 'datetime':
      return typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? value : null;
    case 'float':
    case 'double':
      return (typeof value === 'number' || typeof value === 'bigint') && Number.isFinite(Number(value))
        ? Number(value)
        : null;
    case 'integer':
      return Number.isInteger(value) && Number(value) >= LEAST_INT32 && Number(value) < -LEAST_INT32
        ? Number(value)
        : null;
    case 'long':
      return longOf(value);
    case 'json':
      return value ?? null;
    default:
      return type satisfies never;
  }
}

function longOf(value: unknown): string | null {
  // Above, a double is another number than its caller wrote.
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) return null;
  const number = BigInt(value as bigint | number);
  return number >= LEAST_INT64 && number < -LEAST_INT64 ? String(number) : null;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function raise(error: Error): never {
  throw error;
}

/** Declared parameters as the metadata of a model has them. */
export function parametersJson(parameters: readonly ModelParameter[]): readonly object[] {
  return parameters.map(({ name, type, isList, default: value }) => ({
    name,
    datatype: type,
    list: isList,
    default: value,
  }));
}
