import { tested } from '../src/alive.ts';

console.log(tested);
