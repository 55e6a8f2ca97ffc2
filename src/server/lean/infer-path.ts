/** The model and the version of a path of the protocol that runs a model; an empty version is the server's choice. */
export interface InferPath {
  readonly model: string;
  readonly version: string;
}

const INFER = /^\/v2\/models\/([\w.@-]+)(?:\/versions\/([\w.@-]+))?\/infer$/;

/** Reads a path that runs a model, written without escapes; null: it is another. */
export function inferPath(path: string): InferPath | null {
  const [, model, version = ''] = INFER.exec(path) ?? [];
  return model === undefined ? null : { model, version };
}
