/** A call of a route of MLflow's interface, at the address that its clients read. */
export async function asked(method: string, path: string, body?: unknown): Promise<unknown> {
  const url = `${process.env['MLFLOW_TRACKING_URI']}/api/2.0${path}`;
  const response = await fetch(url, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return JSON.parse(text);
}

/** The tags that MLflow's client puts on each run that it starts. */
export function tagsOf(context: string | undefined): readonly { readonly key: string; readonly value: string }[] {
  const tags = JSON.parse(context ?? '{}') as Readonly<Record<string, string>>;
  return Object.entries(tags).map(([key, value]) => ({ key, value }));
}

/** Where an artefact is written. */
export function artifactUrl(uri: string): string {
  const path = uri.replace(/^mlflow-artifacts:\/*/, '');
  return `${process.env['MLFLOW_TRACKING_URI']}/api/2.0/mlflow-artifacts/artifacts/${path}`;
}
