import { rows } from './row.ts';

/** Errors of the registry: names, gates, databases. */
export const registryErrors = rows({
  REGISTRY_ABSENT: {
    message: 'the registry has no {kind} {name}',
    hint: 'check the name; headrace models lists models',
    retry: 'never',
    status: 404,
    exit: 2,
  },
  REGISTRY_EXISTS: {
    message: 'the registry already has {kind} {name}',
    hint: 'choose another name; a deleted experiment keeps its name',
    retry: 'never',
    status: 409,
    exit: 2,
  },
  REGISTRY_DELETED: {
    message: '{kind} {name} is deleted',
    hint: 'restore it before you change it',
    retry: 'never',
    status: 409,
    exit: 2,
  },
  REGISTRY_PARAM: {
    message: 'param {key} of run {run} is {value}; it cannot become {changed}',
    hint: 'log the new value in another run, or under another key',
    retry: 'never',
    status: 409,
    exit: 2,
  },
  REGISTRY_NAME: {
    message: '{kind} {name} is not allowed: {reason}',
    hint: 'choose another name',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  REGISTRY_FOREIGN: {
    message: 'version {version} of model {model} was logged by another program',
    hint: 'serve it through the open inference protocol, or train a version with headrace train',
    retry: 'never',
    status: 409,
    exit: 2,
  },
  REGISTRY_GATE: {
    message: 'alias {alias} of model {model} cannot move to version {version}: {missing}',
    hint: 'pass the gates with headrace models approve or check, then move the alias again',
    retry: 'never',
    status: 403,
    exit: 2,
  },
  REGISTRY_EXPECTED: {
    message: 'alias {alias} of model {model} has gates, so a move must name the version that it replaces',
    hint: 'move it with headrace models --promote, which compares before it swaps',
    retry: 'never',
    status: 403,
    exit: 2,
  },
  REGISTRY_VERDICT: {
    message: '{who} cannot decide gate {gate} of model {model}: {reason}',
    hint: 'have another person of the gate decide, or change the gate',
    retry: 'never',
    status: 403,
    exit: 2,
  },
});
