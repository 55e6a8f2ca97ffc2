export { readNumbers } from '../backends/embedded/parquet/read-numbers.ts';
export { openTableFile } from '../backends/embedded/table/open-table-file.ts';
