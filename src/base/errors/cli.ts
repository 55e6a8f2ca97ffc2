import { rows } from './row.ts';

/** What can be wrong with a call of the command line or with the configuration. */
export const cliErrors = rows({
  CLI_COMMAND: {
    message: 'there is no command {command}; the commands are {known}',
    mend: 'run headrace --help',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  CLI_OPTION: {
    message: 'the call of {command} cannot be read: {reason}',
    mend: 'run the command with --help for its options',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  CLI_WORDS: {
    message: 'the call has too few or too many words; its form is {usage}',
    mend: 'write the words that the form names',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  CLI_FILE: {
    message: 'cannot write {path}: {reason}',
    mend: 'name a path in a folder that can be written to',
    retry: 'never',
    status: 400,
    exit: 4,
  },
  CLI_VALUE: {
    message: 'the option {option} is {value}, which is not {wanted}',
    mend: 'write a value of the named form',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  CONFIG_FILE: {
    message: 'the configuration {path} cannot be loaded: {reason}',
    mend: 'run headrace init for a project that runs, or name the file with --config',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  ENVIRONMENT_FILE: {
    message: 'the identity {path} of the environment cannot be read: {reason}',
    mend: 'restore the file from a backup; what is kept in a shared store is known by it',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  CONFIG_ENVIRONMENT: {
    message: 'the configuration has no environment {name}; it has {known}',
    mend: 'name one of them with --env, or add it',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  CONFIG_OPTION: {
    message: 'the configuration of environment {name} is wrong: {reason}',
    mend: 'see docs/reference/configuration.md for the options',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  CONFIG_SECRET: {
    message: '{option} names the variable {name}, which is not set',
    mend: 'set it in the environment of the process',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  CONFIG_DIRECTORY: {
    message: 'the directory {directory} cannot be used: {reason}',
    mend: 'name a directory that can be written, or make it writable',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  INIT_FOLDER: {
    message: 'the folder {folder} is not empty',
    mend: 'name a new folder',
    retry: 'never',
    status: 400,
    exit: 2,
  },
});
