export const faulty = {
  summary: 'reads the history anew',
  help: { 'read-only': 'what is told' },
};
