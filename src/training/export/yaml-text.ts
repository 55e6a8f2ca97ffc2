export type Yaml = string | number | boolean | null | readonly Yaml[] | { readonly [name: string]: Yaml | undefined };

/** YAML of plain data. Texts are written as JSON texts, which YAML reads; members without a value are left out. */
export function yamlText(value: Yaml, indent = ''): string {
  if (Array.isArray(value)) return value.map((one: Yaml) => `${indent}- ${item(one, indent)}`).join('');
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .filter((entry): entry is [string, Yaml] => entry[1] !== undefined)
      .map(
        ([name, one]) =>
          `${indent}${/^[A-Za-z_][A-Za-z0-9_./-]*$/.test(name) ? name : JSON.stringify(name)}:${member(one, indent)}`,
      )
      .join('');
  }
  return `${indent}${JSON.stringify(value)}\n`;
}

function isEmpty(value: Yaml): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function member(value: Yaml, indent: string): string {
  if (isEmpty(value)) return Array.isArray(value) ? ' []\n' : ' {}\n';
  if (typeof value === 'object' && value !== null) return `\n${yamlText(value, `${indent}  `)}`;
  return ` ${JSON.stringify(value)}\n`;
}

/** An item of a list: the first line stands after the dash. */
function item(value: Yaml, indent: string): string {
  if (isEmpty(value)) return Array.isArray(value) ? '[]\n' : '{}\n';
  return yamlText(value, `${indent}  `).trimStart();
}
