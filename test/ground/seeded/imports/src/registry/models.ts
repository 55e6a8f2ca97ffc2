export { memoryLog } from '../backends/memory/log.ts';
