import { later, never } from './row.ts';

/** Errors of the registry: names, gates, databases. */
export const registryErrors = {
  REGISTRY_ABSENT: never(404, 2)
    .message('the registry has no {kind} {name}')
    .hint('check the name; headrace models lists models'),
  REGISTRY_EXISTS: never(409, 2)
    .message('the registry already has {kind} {name}')
    .hint('choose another name; a deleted experiment keeps its name'),
  REGISTRY_NEEDED: never(409, 5)
    .message('version {version} of model {model} cannot be deleted: it is needed by {needed}')
    .hint('move or remove the alias, or end the rollout or job, then delete it'),
  REGISTRY_SEALED: never(409, 5)
    .message('model {model} is sealed by {by}')
    .hint('register a new version and promote that one, or remove the aliases before you rename, delete or tag'),
  REGISTRY_SEAL: never(500, 4)
    .message(
      'version {version} of model {model} is not the one that {aliases} was set to: its files, signature or tags changed in the registry',
    )
    .hint('restore the registry from a backup; or look at the version, remove the alias and set it again'),
  REGISTRY_DELETED: never(409, 2).message('{kind} {name} is deleted').hint('restore it before you change it'),
  REGISTRY_PARAM: never(409, 2)
    .message('param {key} of run {run} is {value}; it cannot become {changed}')
    .hint('log the new value in another run, or under another key'),
  REGISTRY_MODEL_PARAM: never(409, 2)
    .message('param {key} of logged model {model} is {value}; it cannot become {changed}')
    .hint('log another model, or use another key'),
  REGISTRY_NAME: never(400, 2).message('{kind} {name} is not allowed: {reason}').hint('choose another name'),
  REGISTRY_CLIENT: never(503, 3)
    .message('the registry needs the package {package}, which cannot be loaded: {reason}')
    .hint('install the package next to headrace, and start again'),
  REGISTRY_AWAY: later(503, 5)
    .message('the registry database {url} cannot be reached: {reason}')
    .hint('check that the database runs and the address is right; the change may or may not be stored'),
  REGISTRY_DATABASE: never(503, 4)
    .message('the registry database {url} refused a statement: {reason}')
    .hint('check the rights of the user, the free space and the schema of the database'),
  ARTIFACT_CLIENT: never(503, 3)
    .message('artefacts on S3 need the package {package}, which cannot be loaded: {reason}')
    .hint('install the package next to headrace, and start again'),
  REGISTRY_FILTER: never(400, 2)
    .message('the filter or order cannot be read: {reason}')
    .hint('write clauses such as metrics.auc > 0.9 AND params.depth = "6"'),
  REGISTRY_SOURCE: never(400, 2)
    .message('the source {source} of a model version is refused: {reason}')
    .hint('name a folder of the artefact tree, such as mlflow-artifacts:/1/<run>/artifacts/model'),
  REGISTRY_WEBHOOK: never(400, 2)
    .message('the webhook address {url} is rejected: {reason}')
    .hint('add its beginning to registry.webhooks in headrace.config.ts'),
  REGISTRY_FOREIGN: never(409, 2)
    .message('version {version} of model {model} was logged by another program')
    .hint(
      'score with it by predictions, batch jobs, streams or the open inference protocol; for this, train a version with headrace train',
    ),
  REGISTRY_GATE: never(403, 2)
    .message('alias {alias} of model {model} cannot move to version {version}: {missing}')
    .hint('record the missing decisions with headrace registry decide, then move the alias again'),
  REGISTRY_EXPECTED: never(403, 2)
    .message('alias {alias} of model {model} has gates, so a move must name the version that it replaces')
    .hint('move it with headrace registry alias, which compares before it swaps'),
  REGISTRY_VERDICT: never(403, 2)
    .message('{who} cannot decide gate {gate} of model {model}: {reason}')
    .hint('have another person of the gate decide, or change the gate'),
};
