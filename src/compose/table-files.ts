export { openTableFile } from '../backends/embedded/table/open-table-file.ts';
