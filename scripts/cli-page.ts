import { commands } from '../src/cli/commands.ts';
import { helpPage } from '../src/cli/parse-call.ts';

const head = `# Command line

\`npx headrace\` reads headrace.config.ts of the current folder. Every command takes \`--json\`, which prints one JSON object on the
last line; text for people goes to stderr. A call ends with 0, or with the exit code of its
[error](errors.md).

This page is written by \`npm run pages\` from the help pages of src/cli; do not edit it by hand.
`;

/** The page docs/reference/cli.md: the help page of each command. */
export function cliPage(): string {
  const sections = commands.map(
    (command) => `## ${command.name.join(' ')}\n\n\`\`\`text\n${helpPage(command)}\n\`\`\`\n`,
  );
  return [head, ...sections].join('\n');
}
