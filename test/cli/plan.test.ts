import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { lastJson, linkHeadrace, runCli } from './run-cli.ts';

/** A declaration with two streams of one model, and a type that only tsc refuses. */
const CONFIG = `import { count, defineConfig, defineProject, entity, eventSource, featureService, gt, int, lookup, model, streamInference, streamView, text, time } from 'headrace';

const wrong: number = 'a text';
const offers = eventSource('offers', { id: 'offer', time: 'at', columns: { offer: text(), at: time(), price: int() } });
const habits = streamView('habits', {
  source: offers,
  entity: entity('price', { price: int() }),
  key: { price: 'price' },
  windows: ['1d'],
  freshness: '1s',
  features: () => ({ offers: count() }),
});
const offering = featureService('offering', { request: { price: int() }, join: (r) => ({ recent: lookup(habits, { price: r.price }) }) });
const taken = model('taken', {
  task: 'binary',
  service: offering,
  spine: { from: offers, id: 'offer' },
  label: { from: offers, id: 'offer', value: (e) => gt(e.price, 0), otherwise: false, within: '1d' },
  train: { with: { kind: 'logisticRegression' } },
});
const scored = streamInference('scored', { model: taken, from: offers, to: 'offer_scores' });
const again = streamInference('again', { model: taken, from: offers, to: 'more_scores' });

export default defineConfig({ project: defineProject('shop', { scored, again }), environments: { local: {} } });
`;

test('a plan lists every stream with where a new one begins, and names the command that checks the types', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-plan-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  linkHeadrace(folder);
  writeFileSync(join(folder, 'headrace.config.ts'), CONFIG);
  const [said, json] = await Promise.all([runCli(folder, ['plan']), runCli(folder, ['plan', '--json'])]);
  expect(said).toMatchObject({ code: 0, err: '' });
  expect(said.out).toContain('the types of headrace.config.ts are not checked here: npx tsc --noEmit');
  const streams = [
    { name: 'again', source: 'offers', model: 'taken', outputs: 'more_scores' },
    { name: 'scored', source: 'offers', model: 'taken', outputs: 'offer_scores' },
  ];
  for (const { name, outputs } of streams)
    expect(said.out).toContain(
      `stream ${name}: scores offers by taken into ${outputs}; a new stream begins with the oldest event`,
    );
  expect((lastJson(json) as { readonly streams: readonly unknown[] }).streams).toEqual(
    expect.arrayContaining(streams.map((stream) => expect.objectContaining(stream))),
  );
});
