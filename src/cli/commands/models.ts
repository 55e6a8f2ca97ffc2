import { fail } from '../../base/errors/fail.ts';
import type { ListedVersion } from '../../registry/listed-versions.ts';
import { auditedCommand } from '../audit.ts';
import type { Call, Command } from '../command.ts';
import { wholeOption } from '../parse-option.ts';
import { type ServerLink, serverOf, serverOption, serverOptionHelp } from '../server-link.ts';
import { withHeadrace } from '../with-headrace.ts';

export const models: Command = {
  name: ['models'],
  summary: 'lists the versions of declared models, trained and logged; --promote moves the champion',
  words: '[<model>]',
  arity: [0, 1],
  options: { promote: { type: 'string' }, ...serverOption },
  help: { promote: 'version of the named model to make champion', ...serverOptionHelp },
  async run(call) {
    const promoted = wholeOption('promote', call.options['promote'], 0, 1, Number.MAX_SAFE_INTEGER);
    if (promoted > 0 && call.words.length === 0)
      throw fail('CLI_OPTION', { command: 'models', reason: '--promote needs the name of a model' });
    const server = await serverOf(call);
    const all = server === null ? await versionsHere(call, promoted) : await versionsThere(call, promoted, server);
    if (call.json) return call.terminal.out(JSON.stringify(all));
    for (const { model, versions, champion } of all) {
      if (versions.length === 0) call.terminal.out(`${model}: no version yet; headrace train ${model} makes one`);
      for (const { version, createdAt, metrics, origin } of versions) {
        const mark = version === champion ? 'champion' : '        ';
        call.terminal.out(
          `${model} ${version} ${mark} ${origin} ${new Date(createdAt).toISOString()} auc ${metrics['auc']?.toFixed(4) ?? '-'}`,
        );
      }
    }
  },
};

interface Versions {
  readonly model: string;
  readonly versions: readonly ListedVersion[];
  readonly champion: number | null;
}

function versionsHere(call: Call, promoted: number): Promise<readonly Versions[]> {
  return withHeadrace(call, async (headrace) => {
    const named = call.words.length === 0 ? headrace.project.models : [headrace.model(call.words[0])];
    for (const model of named)
      if (promoted > 0)
        await auditedCommand(headrace.directory, 'promote', `${model.name} ${promoted}`, () =>
          headrace.promote(model, promoted),
        );
    return Promise.all(named.map(async (model) => ({ model: model.name, ...(await headrace.versions(model)) })));
  });
}

async function versionsThere({ words }: Call, promoted: number, server: ServerLink): Promise<readonly Versions[]> {
  const [model] = words;
  if (promoted > 0) await server.ask('POST', '/v1/admin/promote', { model, version: promoted });
  const path = model === undefined ? '/v1/models' : `/v1/models/${encodeURIComponent(model)}`;
  return JSON.parse(await server.ask('GET', path)) as readonly Versions[];
}
