import { type HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';

/** HTTP statuses of MLflow's error codes. */
const STATUSES = {
  INVALID_PARAMETER_VALUE: 400,
  BAD_REQUEST: 400,
  RESOURCE_ALREADY_EXISTS: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  RESOURCE_DOES_NOT_EXIST: 404,
  NOT_FOUND: 404,
  ENDPOINT_NOT_FOUND: 404,
  RESOURCE_CONFLICT: 409,
  REQUEST_LIMIT_EXCEEDED: 413,
  INVALID_RANGE: 416,
  INTERNAL_ERROR: 500,
  NOT_IMPLEMENTED: 501,
  RESOURCE_EXHAUSTED: 507,
  TEMPORARILY_UNAVAILABLE: 503,
} as const;

export type MlflowCode = keyof typeof STATUSES;

/** An error as MLflow's clients read it: `{"error_code": …, "message": …}`. */
export class MlflowFault extends Error {
  readonly code: MlflowCode;
  readonly status: number;

  constructor(code: MlflowCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = STATUSES[code];
  }
}

/** A request that names something wrongly. */
export function invalid(message: string): MlflowFault {
  return new MlflowFault('INVALID_PARAMETER_VALUE', message);
}

/** The fault for an error of the registry, with the texts that clients look for. */
export function faultOf(error: unknown): MlflowFault {
  if (error instanceof MlflowFault) return error;
  if (!isHeadraceError(error)) return new MlflowFault('INTERNAL_ERROR', reasonOf(error), error);
  return new MlflowFault(codeOf(error), textOf(error), error);
}

const CODES: Readonly<Partial<Record<HeadraceError['code'], MlflowCode>>> = {
  AUTH_KEY: 'UNAUTHENTICATED',
  AUTH_SCOPE: 'PERMISSION_DENIED',
  SERVER_PAGE: 'PERMISSION_DENIED',
  SERVER_BODY_SIZE: 'REQUEST_LIMIT_EXCEEDED',
  SERVER_BODY_BOUNDS: 'REQUEST_LIMIT_EXCEEDED',
  REGISTRY_ABSENT: 'RESOURCE_DOES_NOT_EXIST',
  REGISTRY_VERSION: 'RESOURCE_DOES_NOT_EXIST',
  REGISTRY_EXISTS: 'RESOURCE_ALREADY_EXISTS',
  REGISTRY_DELETED: 'INVALID_PARAMETER_VALUE',
  REGISTRY_PARAM: 'INVALID_PARAMETER_VALUE',
  REGISTRY_MODEL_PARAM: 'INVALID_PARAMETER_VALUE',
  REGISTRY_NAME: 'INVALID_PARAMETER_VALUE',
  REGISTRY_FILTER: 'INVALID_PARAMETER_VALUE',
  REGISTRY_SOURCE: 'INVALID_PARAMETER_VALUE',
  REGISTRY_WEBHOOK: 'INVALID_PARAMETER_VALUE',
  REGISTRY_GATE: 'PERMISSION_DENIED',
  REGISTRY_EXPECTED: 'PERMISSION_DENIED',
  REGISTRY_VERDICT: 'PERMISSION_DENIED',
  REGISTRY_MOVED: 'RESOURCE_CONFLICT',
  REGISTRY_NEEDED: 'RESOURCE_CONFLICT',
  REGISTRY_SEALED: 'RESOURCE_CONFLICT',
  REGISTRY_SEAL: 'RESOURCE_CONFLICT',
  DISK_ARTIFACTS: 'RESOURCE_EXHAUSTED',
  ARTIFACT_UNKNOWN: 'RESOURCE_DOES_NOT_EXIST',
  MODEL_SIGNATURE: 'PERMISSION_DENIED',
};

function codeOf(error: HeadraceError): MlflowCode {
  return CODES[error.code] ?? (error.retry === 'never' ? 'INTERNAL_ERROR' : 'TEMPORARILY_UNAVAILABLE');
}

/** An absent object, in the words of MLflow's own server. */
const ABSENT: Readonly<Record<string, (name: string) => string>> = {
  experiment: (name) => `No Experiment with id=${name} exists`,
  run: (name) => `Run with id=${name} not found`,
  model: (name) => `Registered Model with name=${name} not found`,
  'logged model': (name) => `Logged model with ID '${name}' not found.`,
  'run tag': (name) => `No tag with name: ${name}`,
  'experiment tag': (name) => `No tag with name: ${name}`,
  'logged model tag': (name) => `No tag with key '${name}' found for model`,
};

const EXISTS: Readonly<Record<string, (name: string) => string>> = {
  experiment: (name) => `Experiment(name=${name}) already exists.`,
  model: (name) => `Registered Model (name=${name}) already exists.`,
};

function textOf(error: HeadraceError): string {
  const { code, facts } = error;
  const [kind, name] = [String(facts['kind']), String(facts['name'])];
  if (code === 'REGISTRY_ABSENT') return ABSENT[kind]?.(name) ?? error.message;
  if (code === 'REGISTRY_EXISTS') return EXISTS[kind]?.(name) ?? error.message;
  if (code === 'REGISTRY_VERSION')
    return `Model Version (name=${facts['model']}, version=${facts['version']}) not found`;
  if (code === 'REGISTRY_PARAM')
    return `Changing param values is not allowed. Param with key='${facts['key']}' was already logged with value='${facts['value']}' for run ID='${facts['run']}'. Attempted logging new value '${facts['changed']}'.`;
  if (code === 'REGISTRY_DELETED')
    return `The ${kind} ${name} must be in the 'active' state. Current state is deleted.`;
  if (code === 'REGISTRY_SOURCE') return `Invalid model version source: '${facts['source']}'. ${facts['reason']}`;
  if (code === 'REGISTRY_FILTER') return String(facts['reason']);
  return `${error.message} (${code}): ${error.hint}`;
}
