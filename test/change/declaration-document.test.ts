import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson, type Json } from '../../src/base/canonical-json.ts';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import {
  declarationDocument,
  declarationJson,
  parseDeclaration,
} from '../../src/features/change/declaration-document.ts';
import { declarationHash, documentHash } from '../../src/features/change/declaration-hash.ts';
import { sqlMeaning } from '../../src/features/change/declared-part.ts';
import {
  count,
  defineProject,
  entity,
  eventSource,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { project as offers } from '../serving/pipeline-project.ts';
import { shop } from './shop.ts';

const kept = readFileSync(new URL('./golden/declaration-format-1.json', import.meta.url), 'utf8');

const keptLater = readFileSync(new URL('./golden/declaration-format-2.json', import.meta.url), 'utf8');

test('a declaration kept in format 1 is read as one whose sources never had other columns', () => {
  const { schemas, ...read } = parseDeclaration(kept);
  expect(read).toEqual({ ...JSON.parse(kept), format: 2 });
  expect(schemas).toEqual(declarationDocument(shop()).schemas);
});

test('a declaration kept in format 2 is read, and is what is still written', () => {
  expect(parseDeclaration(keptLater)).toEqual(JSON.parse(keptLater));
  expect(declarationJson(declarationDocument(shop()))).toBe(keptLater);
  expect(keptLater.startsWith('{\n  "format": 2,\n')).toBe(true);
});

test('a declaration with a pipeline is kept in format 3, which programs that know no pipeline refuse', () => {
  const withPipeline = readFileSync(new URL('./golden/declaration-format-3.json', import.meta.url), 'utf8');
  expect(parseDeclaration(withPipeline)).toEqual(JSON.parse(withPipeline));
  // A compiler writes the text of a function in its own way.
  const withoutCode = (text: string) => text.replaceAll(/"code": "[0-9a-f]{64}"/g, '"code": ""');
  expect(withoutCode(declarationJson(declarationDocument(offers)))).toBe(withoutCode(withPipeline));
  expect(withPipeline.startsWith('{\n  "format": 3,\n')).toBe(true);
});

test('the hash of a declaration is that of its kept text', () => {
  expect(declarationHash(shop())).toBe('788051218fb4ffcf295dc9f5bbd64250fab46d041c0ed29f1e012e7fac7e3802');
  expect(documentHash(parseDeclaration(kept))).toBe('788051218fb4ffcf295dc9f5bbd64250fab46d041c0ed29f1e012e7fac7e3802');
});

test('names in another order hash alike where order means nothing', () => {
  const declared = (reversed: boolean) => {
    const turned = <const T extends object>(object: T): T =>
      (reversed ? Object.fromEntries(Object.entries(object).toReversed()) : object) as T;
    const events = eventSource(
      'events',
      turned({ id: 'id', time: 'at', columns: { id: text(), at: time(), a: text(), b: text() } }),
    );
    const pair = entity('pair', { a: text(), b: text() });
    const view = streamView(
      'pairs',
      turned({
        source: events,
        entity: pair,
        key: turned({ a: 'a', b: 'b' }),
        windows: ['1h'],
        freshness: '1s',
        features: () => ({ n: count() }),
      } as const),
    );
    return declarationHash(defineProject('order', turned({ events, view })));
  };
  expect(declared(true)).toBe(declared(false));
});

test('the order of columns and of key parts is part of the hash: rows and keys are written in it', () => {
  const hashOf = (columns: 'ab' | 'ba', key: 'ab' | 'ba') => {
    const [a, b] = [text(), text()];
    const events = eventSource('events', {
      id: 'id',
      time: 'at',
      columns: { id: text(), at: time(), ...(columns === 'ab' ? { a, b } : { b, a }) },
    });
    const view = streamView('pairs', {
      source: events,
      entity: entity('pair', key === 'ab' ? { a, b } : { b, a }),
      key: { a: 'a', b: 'b' },
      windows: ['1h'],
      freshness: '1s',
      features: () => ({ n: count() }),
    });
    return declarationHash(defineProject('order', { view }));
  };
  expect(new Set([hashOf('ab', 'ab'), hashOf('ba', 'ab'), hashOf('ab', 'ba'), hashOf('ba', 'ba')]).size).toBe(4);
});

test('canonical JSON is the same for any order of members, and reads back equal', () => {
  const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as Json);
  fc.assert(
    fc.property(json, (value) => {
      const text = canonicalJson(value);
      expect(JSON.parse(text)).toEqual(value);
      expect(canonicalJson(reversed(value))).toBe(text);
    }),
  );
});

test('what is no kept declaration is refused by code, cut or changed anywhere', () => {
  const refused = (text: string) => {
    try {
      parseDeclaration(text);
      return 'read';
    } catch (error) {
      return isHeadraceError(error) ? error.code : String(error);
    }
  };
  expect(refused(kept.replace('"format": 1', '"format": 4'))).toBe('DECLARATION_FORMAT');
  expect(refused(kept.replace('"version": 1', '"version": 0'))).toBe('DECLARATION_TEXT');
  expect(refused(kept.replace('"streamView"', '"stream"'))).toBe('DECLARATION_TEXT');
  expect(refused(kept.replace('"settings"', '"setings"'))).toBe('DECLARATION_TEXT');
  for (const text of ['', 'null', '[]', '1', '{}', '"x"']) expect(refused(text)).toBe('DECLARATION_TEXT');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: kept.length - 3 }), (length) => {
      expect(refused(kept.slice(0, length))).toBe('DECLARATION_TEXT');
    }),
  );
});

test('white space outside of quotes does not change what SQL means', () => {
  expect(sqlMeaning(' SELECT  \'a  b\',\n\t"c  d" FROM t ')).toBe('SELECT \'a  b\', "c  d" FROM t');
  expect(sqlMeaning("SELECT 'it''s  one'")).toBe("SELECT 'it''s  one'");
  expect(sqlMeaning('SELECT 1 -- one\n, 2')).not.toBe(sqlMeaning('SELECT 1 -- one , 2'));
  expect(sqlMeaning('SELECT $$a  b$$')).toBe('SELECT $$a  b$$');
  expect(sqlMeaning("SELECT 'open  quote")).toBe("SELECT 'open quote");
});

test('a document says the same when it is read back', () => {
  const project = shop({ meanPrice: true });
  expect(parseDeclaration(declarationJson(declarationDocument(project)))).toEqual(declarationDocument(project));
});

function reversed(value: Json): Json {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, member]) => [name, reversed(member)]),
  );
}
