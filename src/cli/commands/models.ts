import { fail } from '../../base/errors/fail.ts';
import type { ListedVersion } from '../../registry/listed-versions.ts';
import { type Call, command } from '../command.ts';
import { type ServerLink, serverOf, serverOption } from '../link/server-link.ts';
import { auditedCommand } from '../open/audited-command.ts';
import { withHeadrace } from '../open/with-headrace.ts';
import { option } from '../options/option.ts';
import { version } from '../options/option-kinds.ts';

export const models = command({
  name: ['models'],
  summary: 'lists the versions of declared models, trained and logged; --promote moves the champion',
  words: '[<model>]',
  arity: [0, 1],
  options: { promote: option(version, 'version of the named model to make champion'), ...serverOption },
  async run(call) {
    const { promote: promoted = null } = call.options;
    if (promoted !== null && call.words.length === 0)
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
});

interface Versions {
  readonly model: string;
  readonly versions: readonly ListedVersion[];
  readonly champion: number | null;
}

function versionsHere(call: Call, promoted: number | null): Promise<readonly Versions[]> {
  return withHeadrace(call, async (headrace) => {
    const named = call.words.length === 0 ? headrace.project.models : [headrace.model(call.words[0])];
    for (const model of named)
      if (promoted !== null)
        await auditedCommand(headrace.directory, 'promote', `${model.name} ${promoted}`, () =>
          headrace.promote(model, promoted),
        );
    return Promise.all(named.map(async (model) => ({ model: model.name, ...(await headrace.versions(model)) })));
  });
}

async function versionsThere(
  { words }: Call,
  promoted: number | null,
  server: ServerLink,
): Promise<readonly Versions[]> {
  const [model] = words;
  if (promoted !== null) await server.ask('POST', '/v1/admin/promote', { model, version: promoted });
  const path = model === undefined ? '/v1/models' : `/v1/models/${encodeURIComponent(model)}`;
  return JSON.parse(await server.ask('GET', path)) as readonly Versions[];
}
