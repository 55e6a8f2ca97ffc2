/** A version of a registered model as MLflow writes it: by its number, or by an alias. */
export interface VersionAddress {
  readonly model: string;
  /** The text after the last `/`; null: an alias names it. */
  readonly version: string | null;
  readonly alias: string | null;
}

const ADDRESS = /^models:\/+([^/@]+)(?:\/([^/@]+)|@([^/@]+))$/;

/** Reads `models:/name/3` and `models:/name@alias`; null: it is a text of another kind. */
export function versionAddress(text: string): VersionAddress | null {
  const [, encoded, version, alias] = ADDRESS.exec(text) ?? [];
  if (encoded === undefined) return null;
  try {
    return { model: decodeURIComponent(encoded), version: version ?? null, alias: alias ?? null };
  } catch {
    return null;
  }
}
