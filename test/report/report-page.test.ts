import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { builtFolder } from '../../src/environment/own-version.ts';
import { reportPage } from '../../src/report/report-page.ts';
import { embeddedReport } from './embedded-report.ts';

const shell = readFileSync(join(builtFolder('report-page'), 'report.html'), 'utf8');

/** The texts of the elements of a name, as a browser reads them. */
function elements(page: string, name: string): readonly string[] {
  return [...page.matchAll(new RegExp(`<${name}[^>]*>([\\s\\S]*?)</${name}>`, 'g'))].map(([, text = '']) => text);
}

test('whatever a report has, its page has the same, and the same elements as the page without data', () => {
  const hostile = fc.constantFrom(
    '</script><script>alert(1)</script>',
    '<!--<script>',
    '"><img src=x onerror=alert(1)>',
    "$&$`$'$1",
    '\u2028\u2029',
    '&lt;b&gt;',
  );
  const names = fc.oneof(hostile, fc.string({ unit: 'binary' }));
  const reports = fc.dictionary(names, fc.oneof(names, fc.double({ noNaN: true }), fc.array(names)));
  const place = shell.indexOf('<script type="application/json" id="report">');
  const after = shell.length - shell.indexOf('</script>', place);
  fc.assert(
    fc.property(reports, (report) => {
      const json = JSON.stringify(report);
      const page = reportPage('gpu', json);
      const found = embeddedReport(page);
      expect(found.kind).toBe('gpu');
      expect(JSON.parse(found.json)).toEqual(JSON.parse(json));
      // Between the start and the end of its element nothing begins another one.
      const element = page.slice(place, -after);
      expect(element.indexOf('<', 1)).toBe(-1);
      expect(page.startsWith(shell.slice(0, place)) && page.endsWith(shell.slice(-after))).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test('the policy of the page allows its one script and its one style, and no request', () => {
  const page = reportPage('cost', '{}');
  const [, policy = ''] = /<meta http-equiv="Content-Security-Policy" content="([^"]+)">/.exec(page) ?? [];
  const [, script = ''] = elements(page, 'script');
  const [style = ''] = elements(page, 'style');
  const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  expect(policy.split('; ')).toEqual([
    "default-src 'none'",
    `script-src ${hash(script)}`,
    `style-src ${hash(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ]);
  // Without the texts of the script and the style nothing names an address.
  const markup = page.replace(script, '').replace(style, '');
  expect(markup).not.toMatch(/\b(?:src|href|action|srcset)\s*=|https?:/i);
  expect(style).not.toMatch(/url\(|@import/);
  expect(page).toMatch(/<noscript>.*JavaScript.*<\/noscript>/);
});

test('the page without data is at most 400 kB compressed', () => {
  expect(gzipSync(shell).byteLength).toBeLessThanOrEqual(400_000);
});

test('without a built page, and with one that has no place for data, the error says what to run', () => {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-report-page-'));
  try {
    mkdirSync(join(folder, 'other'));
    writeFileSync(join(folder, 'other', 'report.html'), '<!doctype html>');
    for (const place of [folder, join(folder, 'other')])
      expect(() => reportPage('window', '{}', place)).toThrow(
        expect.objectContaining({ code: 'REPORT_PAGE', hint: expect.stringContaining('npm run console') }),
      );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
