export * from '../compose.ts';
