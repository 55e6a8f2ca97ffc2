/** The program that installs the packages of a new project. */
export interface PackageManager {
  readonly name: 'npm' | 'pnpm' | 'yarn' | 'bun';
  /** Its files by which no package runs a script of its install, where templates have none for it. A folder that has one keeps it. */
  readonly settings: Readonly<Record<string, string>>;
  /** Words after its name that install with little output. */
  readonly install: readonly string[];
  /** A call of the command line of the project, before its words. */
  readonly headrace: string;
  /** `node --test` of the project: `bun test` would run another runner. */
  readonly test: string;
}

const NPM: PackageManager = {
  name: 'npm',
  settings: {},
  install: ['install', '--no-audit', '--no-fund'],
  headrace: 'npx headrace',
  test: 'npm test',
};

const others: readonly PackageManager[] = [
  {
    name: 'pnpm',
    settings: { 'pnpm-workspace.yaml': 'ignoreScripts: true\n' },
    install: ['install'],
    headrace: 'pnpm exec headrace',
    test: 'pnpm test',
  },
  {
    name: 'yarn',
    // The first is read by Yarn 1, the second by all later ones.
    settings: { '.yarnrc': 'ignore-scripts true\n', '.yarnrc.yml': 'enableScripts: false\nnodeLinker: node-modules\n' },
    install: ['install'],
    headrace: 'yarn headrace',
    test: 'yarn test',
  },
  // Bun runs no script of an install unless the project trusts the package.
  { name: 'bun', settings: {}, install: ['install'], headrace: 'bunx headrace', test: 'bun run test' },
];

/** The manager that runs this process, by the variable in which each names itself (`pnpm/12.23.0 npm/? …`); npm where none does. */
export function packageManager(agent: string | undefined = process.env['npm_config_user_agent']): PackageManager {
  return others.find(({ name }) => agent?.startsWith(`${name}/`)) ?? NPM;
}

/** A text with the commands of a manager in place of those of npm. */
export function inManager({ name, headrace, test }: PackageManager, text: string): string {
  return text
    .replaceAll('npx headrace', headrace)
    .replaceAll('npm test', test)
    .replace(/\bnpm (?=install\b|run\b)/g, `${name} `);
}
