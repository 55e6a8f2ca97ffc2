export { test } from '../testing/oracle.ts';
