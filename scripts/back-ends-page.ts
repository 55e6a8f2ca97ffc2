import { type PortTable, portTables, type ShownRow } from '../src/site/back-ends/tables.ts';

const head = `# backends

One folder per system. No back end imports another, and only \`site/back-ends/\` imports any. A back end implements ports. Its row
(\`ports/back-end-row.ts\`) says its kind, the schema of its options, its abilities and how it is opened. This page is written by
\`npm run pages\` from the tables of rows; do not edit it by hand.
`;

const rest = `## Others

| folder | implements |
|---|---|
| \`embedded/\` | besides its rows: state of monitors, ids that wait for labels, tables of a user's files |
| \`local/\` | training gangs as processes of this machine |
| \`kafka/\`, \`schema-registry/\` | besides its row: topics of other services, and their records in Avro, Protobuf and JSON Schema |
| \`s3/\` | besides its row: files of events |
| \`otlp/\` | spans to an OpenTelemetry collector |

Invariants:
- Every back end passes the contracts of \`testing/contracts/\` for its ports.
- Every durable format begins with its version.
- A second writer on the same files is rejected.
- The state after a failure is detected when the store opens.

To add one: a folder, its options, its row; a line in the table of its port in \`site/back-ends/\`; a line in the contract tests.
`;

/** The page src/backends/README.md: the back ends of every port, with their options and abilities. */
export function backEndsPage(): string {
  return [head, ...portTables.map(section), rest].join('\n');
}

function section({ port, chosenBy, facts, rows }: PortTable): string {
  const names = Object.keys(facts);
  const columns = ['kind', 'folder', '', 'options', ...names.map((name) => facts[name])];
  const lines = rows.map((row) =>
    [
      `\`${row.kind}\``,
      `\`${row.folder}/\``,
      row.is,
      optionsOf(row),
      ...names.map((name) => (row.facts.includes(name) ? 'yes' : '')),
    ].join(' | '),
  );
  const table = [columns, columns.map(() => '---')].map((cells) => `| ${cells.join(' | ')} |`);
  return [`## ${port}`, '', `Chosen by ${chosenBy}.`, '', ...table, ...lines.map((line) => `| ${line} |`), ''].join(
    '\n',
  );
}

function optionsOf({ options }: ShownRow): string {
  const names = Object.keys(options?.shape ?? {}).filter((name) => name !== 'kind');
  return names.map((name) => `\`${name}\``).join(' ');
}
