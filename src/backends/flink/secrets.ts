/** Secrets of a job's tables by the names of their properties. */
export type Secrets = Readonly<Record<string, string>>;

/** The placeholder of a secret in a statement, until the statement is sent. */
export function placeOf(name: string): string {
  return `<${name}>`;
}

/** A statement with the secrets in their places: to be sent, never kept or shown. */
export function withSecrets(statement: string, secrets: Secrets): string {
  return Object.entries(secrets).reduce(
    (text, [name, value]) => text.replaceAll(literal(placeOf(name)), () => literal(value)),
    statement,
  );
}

/** Flink takes a backslash as it is, and so may a password have one. */
function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A message of Flink, without the secrets that it may repeat. */
export function withoutSecrets(text: string, secrets: Secrets): string {
  return Object.values(secrets)
    .flatMap((value) => [value, ...(/password="(?:[^"\\]|\\.)*"/.exec(value) ?? [])])
    .reduce((rest, secret) => rest.replaceAll(secret, '****'), text);
}
