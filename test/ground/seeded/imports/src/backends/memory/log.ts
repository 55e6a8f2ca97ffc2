export const memoryLog = 'log';
