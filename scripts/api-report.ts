import { mkdir, readFile, rm } from 'node:fs/promises';
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import manifest from '../package.json' with { type: 'json' };
import { root, runCommand } from './run-command.ts';

/** Where declarations are written: in the repository, so that they find the packages that they name. Git ignores it. */
const place = `${root}/api/dist/${process.pid}`;

const silent = { default: { logLevel: ExtractorLogLevel.None } };

/**
 * What each entry point offers in types, by the path of its report from the root. A report that
 * differs is a change of the interface that users compile against.
 */
export async function apiReports(): Promise<Readonly<Record<string, string>>> {
  await rm(place, { recursive: true, force: true });
  await mkdir(place, { recursive: true });
  try {
    const options = ['--emitDeclarationOnly', '--outDir', `${place}/types`, '--pretty', 'false'];
    const { code, output } = await runCommand('tsc', ['-p', 'tsconfig.build.json', ...options]);
    if (code !== 0) throw new Error(output);
    const reports: Record<string, string> = {};
    for (const [path, target] of Object.entries(manifest.exports)) {
      if (typeof target === 'string') continue;
      const name = path === '.' ? 'headrace' : path.slice(2).replaceAll('/', '-');
      reports[`api/${name}.api.md`] = await reportOf(name, target.types);
    }
    return reports;
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

async function reportOf(name: string, declarations: string): Promise<string> {
  const entry = `${place}/types/${declarations.replace('./dist/', '')}`;
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2024',
    lib: ['es2024', 'dom'],
    types: ['node'],
    strict: true,
    skipLibCheck: true,
  };
  const config = ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: `${root}/package.json`,
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: entry,
      compiler: { overrideTsconfig: { compilerOptions, files: [entry] } },
      apiReport: {
        enabled: true,
        reportFileName: `${name}.api.md`,
        reportFolder: place,
        reportTempFolder: `${place}/written`,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: { compilerMessageReporting: silent, extractorMessageReporting: silent, tsdocMessageReporting: silent },
    },
  });
  const faults: string[] = [];
  const { succeeded } = Extractor.invoke(config, {
    localBuild: true,
    messageCallback(message) {
      if (message.logLevel === ExtractorLogLevel.Error) faults.push(message.text);
      message.handled = true;
    },
  });
  if (!succeeded) throw new Error(`the types of ${declarations} cannot be read\n${faults.join('\n')}`);
  return await readFile(`${place}/written/${name}.api.md`, 'utf8');
}
