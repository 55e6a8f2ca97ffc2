import fc from 'fast-check';

/**
 * Properties start from one seed, so that every run of the gate does the same; `HEADRACE_SEED` names another one, and
 * `npm run test:deep` takes a new one each time. A property that fails prints its own seed and path.
 */
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env['HEADRACE_SEED'] ?? 20_260_101) });
