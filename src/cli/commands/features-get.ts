import { fail } from '../../base/errors/fail.ts';
import { type Call, command } from '../command.ts';
import { type ServerLink, serverOf, serverOption } from '../link/server-link.ts';
import { loadConfig } from '../open/load-config.ts';
import { withHeadrace } from '../open/with-headrace.ts';
import { columnWords } from '../options/column-words.ts';
import { option } from '../options/option.ts';
import { instant } from '../options/option-kinds.ts';

export const featuresGet = command({
  name: ['features', 'get'],
  summary: 'prints one feature vector',
  words: '<service> <column>=<value>…',
  arity: [1, 100],
  options: { at: option(instant, 'instant that it is as of (now): epoch ms or a UTC date'), ...serverOption },
  async run(call) {
    const [name, ...pairs] = call.words;
    const { at } = call.options;
    const server = await serverOf(call);
    const text = await (server === null ? vectorHere : vectorThere(server))(call, name, pairs, at);
    call.terminal.out(call.json ? text : JSON.stringify(JSON.parse(text), null, 2));
  },
});

type Read = (call: Call, name: string, pairs: readonly string[], at: number | undefined) => Promise<string>;

const vectorHere: Read = (call, name, pairs, at) =>
  withHeadrace(call, async (headrace) => {
    const service = headrace.service(name);
    return headrace.vectorText(service, columnWords(service.request, pairs), at);
  });

/** By the types that the configuration here declares, which must know the service. */
function vectorThere(server: ServerLink): Read {
  return async (call, name, pairs, at) => {
    const { services } = (await loadConfig(call)).project;
    const service = services.find((one) => one.name === name);
    if (service === undefined) throw fail('SERVICE_UNKNOWN', { service: name, known: services.map((one) => one.name) });
    const request = columnWords(service.request, pairs);
    return server.ask('POST', `/v1/features/${encodeURIComponent(name)}`, { request, at });
  };
}
