import fc from 'fast-check';
import { expect, test } from 'vitest';
import { root } from '../../scripts/run-command.ts';
import { sayListening } from '../../src/cli/serve/say-listening.ts';
import { digestMessage, incidentMessage } from '../../src/findings/alerts/alert-message.ts';
import { consoleAddress } from '../../src/ports/console-address.ts';
import { incident } from '../alerts/desk.ts';
import { consolePages } from './console-pages.ts';

type Texts = Readonly<Record<string, string>>;

/** The library of the console's router, which reads the text after `?` as `defaultParseSearch` does. */
const library = await import(`${root}/node_modules/@tanstack/react-router/dist/esm/index.js`);
const { defaultParseSearch }: { defaultParseSearch(search: string): Readonly<Record<string, unknown>> } = library;
const { textsOf }: { textsOf(search: Readonly<Record<string, unknown>>): Texts } = await import(
  `${root}/console/src/app/address.ts`
);
const pages = await consolePages();

/** The page and the state that a browser shows for an address. */
function shownAt(address: string): { readonly server: string; readonly path: string; readonly state: Texts } {
  const { origin, pathname, hash } = new URL(address);
  const [path = '', search = ''] = hash.slice(1).split('?');
  return { server: origin + pathname, path: path === '' ? '/' : path, state: textsOf(defaultParseSearch(search)) };
}

const texts = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1 }),
  fc.constantFrom('1e3', 'true', 'null', '"a"', '{}', 'a&b=c', 'a#b?c', '%41', '+'),
);

test('the router of the console reads from an address the state that was written', () => {
  fc.assert(
    fc.property(fc.constantFrom('', '/', '/ml', '/ml/'), texts, texts, (prefix, model, set) => {
      const address = consoleAddress(`https://a.example${prefix}`, { path: '/drift', search: { model, set } });
      expect(shownAt(address)).toEqual({
        server: `https://a.example${prefix.replace(/\/$/, '')}/`,
        path: '/drift',
        state: { model, set },
      });
    }),
  );
});

test.each([
  ['/experiments/3', { experiment: '3' }],
  ['/experiments/3/runs/0f4e', { experiment: '3', runs: '0f4e' }],
  ['/experiments/3/runs/1e3', { experiment: '3', runs: '1e3' }],
  ['/experiments/3/models/m-9', { experiment: '3' }],
])('the address %s, which a client of MLflow prints, shows the page of models', async (printed, state) => {
  const { mlflowRoutes } = await import(`${root}/console/src/app/mlflow-routes.ts`);
  const top = library.createRootRoute({});
  const router = library.createRouter({ routeTree: top.addChildren(mlflowRoutes(top)) });
  const [, params, found] = router.getMatchedRoutes(printed);
  let sent = { options: { to: '', search: {} } };
  try {
    found.options.beforeLoad({ params });
  } catch (thrown) {
    sent = thrown as typeof sent;
  }
  expect(sent.options.search).toEqual(state);
  expect(pages).toContain(sent.options.to);
});

const kept = (model: string) => ({
  ...incident({ model }),
  ...{
    no: 12,
    revision: 1,
    state: 'open' as const,
    openedAt: 0,
    acknowledgedBy: null,
    resolution: null,
    severities: [],
  },
});
const place = { project: 'shop', namespace: 'main', link: 'https://a.example/ml/' };

test('the address in a message about an incident, and in a digest, is that of a page of the console', () => {
  fc.assert(
    fc.property(texts, (model) => {
      const { link } = incidentMessage(place, kept(model), { action: 'opened', revision: 1 }, 0);
      const shown = shownAt(link ?? '');
      expect(pages).toContain(shown.path);
      expect(shown).toMatchObject({ server: 'https://a.example/ml/', state: { model, incident: '12' } });
    }),
  );
  expect(shownAt(digestMessage(place, [kept('risk')], 0).link ?? '')).toMatchObject({ path: '/', state: {} });
  expect(incidentMessage({ ...place, link: null }, kept('risk'), { action: 'opened', revision: 1 }, 0).link).toBeNull();
});

test.each([
  [false, false, ['listening on http://127.0.0.1:8080; then', 'the console is at http://127.0.0.1:8080/']],
  [false, true, ['listening on http://127.0.0.1:8080; then']],
  [true, false, ['{"url":"http://127.0.0.1:8080","console":"http://127.0.0.1:8080/"}']],
  [true, true, ['{"url":"http://127.0.0.1:8080","console":null}']],
])('a server with --json %s and --no-console %s says where browsers find the console', (json, without, said) => {
  const lines: string[] = [];
  const terminal = { out: (line: string) => void lines.push(line) };
  const page = without ? null : consoleAddress('http://127.0.0.1:8080');
  sayListening({ json, terminal }, 'http://127.0.0.1:8080', page, '; then');
  expect(lines).toEqual(said);
});
