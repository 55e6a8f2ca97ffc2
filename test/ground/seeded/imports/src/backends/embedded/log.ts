export { memoryLog as embeddedLog } from '../memory/log.ts';
