import { read } from '../online/read.ts';

export const write = () => read;
