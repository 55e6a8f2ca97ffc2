import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { allMlflowRoutes } from '../../src/server/mlflow/all-mlflow-routes.ts';

test('the page of MLflow routes names every route, and every scope exists', () => {
  const page = readFileSync(new URL('../../docs/reference/mlflow.md', import.meta.url), 'utf8');
  const missing = allMlflowRoutes.filter(({ path }) => {
    const row = page.split('\n').find((line) => {
      const named = [...(line.startsWith('|') ? line : '').matchAll(/`(\/[^`]+)`/g)].map(([, prefix]) => prefix);
      return named.some((prefix) => path === prefix || path.startsWith(prefix));
    });
    const last =
      path
        .split('/')
        .filter((part) => !part.startsWith('{'))
        .at(-1) ?? '';
    return row === undefined || !(row.includes(last) || row.includes(path));
  });
  expect(missing.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
});
