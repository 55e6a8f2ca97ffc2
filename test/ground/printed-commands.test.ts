import { expect, test } from 'vitest';
import { namedIn, nameFault } from '../../scripts/check/printed-commands.ts';
import { commands } from '../../src/cli/commands.ts';

test.each([
  ['run `headrace models quality`', undefined],
  ['start it with headrace serve --workers 2, or ask later', undefined],
  ['the group headrace cost, for example', undefined],
  ['headrace --help lists them', undefined],
  ['run headrace modles', 'there is no such command'],
  ['run headrace models qualitty for more', undefined],
  ['run headrace cost plann', 'there is no such command'],
  ['npx headrace drift compare a.csv b.csv --slise x', 'the command has no --slise'],
  ['npm run -s headrace -- gpu diagnoze FILE', 'there is no such command'],
  ["import { openHeadrace } from 'headrace'; headrace.close()", undefined],
])('%s: %s', (text, fault) => {
  expect(namedIn(text).flatMap((call) => nameFault(commands, call) ?? [])).toEqual(fault === undefined ? [] : [fault]);
});
