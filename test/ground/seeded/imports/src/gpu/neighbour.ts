export { decide } from '../playbook/decide.ts';
