import { test } from 'vitest';

test('a reader is told of a change', () => {});
