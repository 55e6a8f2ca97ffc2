export { column } from '../schema/column.ts';
