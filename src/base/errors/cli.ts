import { later, never, safe } from './row.ts';

/** Errors of command line arguments and of the configuration. */
export const cliErrors = {
  SIZE_TEXT: never(400, 2)
    .message('{where} is {text}')
    .hint('write a positive whole number and KiB, MiB, GiB, TiB, kB, MB, GB or TB, such as "512MiB", or whole bytes'),
  CLI_COMMAND: never(400, 2)
    .message('there is no command {command}; did you mean {known}?')
    .hint('run headrace --help'),
  CLI_OPTION: never(400, 2)
    .message('cannot parse the arguments of {command}: {reason}')
    .hint('run the command with --help to see its options'),
  CLI_WORDS: never(400, 2)
    .message('the command has too few or too many arguments; usage: {usage}')
    .hint('write the arguments that the usage names'),
  CLI_FILE: never(400, 4).message('cannot write {path}: {reason}').hint('name a path in a writable folder'),
  CLI_DISK: later(507, 4)
    .message('the disk has no room for {path}')
    .hint('free some of the disk, and run the command again'),
  CLI_TEXT: never(400, 2)
    .message('the argument {word} is not UTF-8')
    .hint('write it in UTF-8; read a key that contains U+FFFD over HTTP'),
  CLI_VALUE: never(400, 2)
    .message('the option {option} is {value}; expected {wanted}')
    .hint('write a value of the expected form'),
  CLI_PACKAGE: never(500, 2)
    .message('the package {name}, which the command needs, is not installed')
    .hint('remove "omit=optional" from .npmrc, or leave out --omit=optional, and run npm install'),
  MCP_PACKAGE: never(500, 2)
    .message('the package @modelcontextprotocol/sdk cannot be loaded: {reason}')
    .hint('run npm install @modelcontextprotocol/sdk, and start again'),
  MCP_ACTING: never(400, 2)
    .message('tools that act need a server and a key: {lacks} is missing')
    .hint('name the server with --server and set HEADRACE_API_KEY to a key with the scope admin'),
  CONFIG_PACKAGES: never(500, 2)
    .message('the package {name} is not installed; a project with a declaration needs it: {install}')
    .hint('run that command in the folder of the project; headrace init writes these packages into a new project'),
  CONFIG_FILE: never(400, 2)
    .message('the configuration {path} cannot be loaded: {reason}')
    .hint('create a project with headrace init, or name the file with --config'),
  ENVIRONMENT_FILE: never(500, 4)
    .message('the identity file {path} of the environment cannot be read: {reason}')
    .hint("restore the file from a backup; it identifies the environment's data in shared stores"),
  CONFIG_ENVIRONMENT: never(400, 2)
    .message('the configuration has no environment {name}; it has {known}')
    .hint('name one of them with --env, or add it'),
  CONFIG_OPTION: never(400, 2)
    .message('the configuration of environment {name} is wrong: {reason}')
    .hint('see docs/reference/configuration.md for the options'),
  CONFIG_SECRET: never(500, 2)
    .message('{option} names the variable {name}, which is not set')
    .hint('set it in the environment of the process'),
  CONFIG_TLS: never(500, 2)
    .message('the TLS file {path} of the configuration cannot be used: {reason}')
    .hint('name a readable PEM file; a key must belong to its certificate and have no passphrase'),
  CONFIG_DIRECTORY: never(500, 4)
    .message('the directory {directory} cannot be used: {reason}')
    .hint('name a writable directory, or make this one writable'),
  DEV_RESET: never(400, 2)
    .message('not all data of {directory} is on this machine: {parts}')
    .hint(
      'reset an environment whose log, online store and engine are embedded; empty the others with their own tools',
    ),
  DEV_RUNNING: later(409, 5)
    .message('another process has the data in {directory} open')
    .hint('stop it, and reset again; nothing was removed'),
  INIT_FOLDER: never(400, 2)
    .message('the folder {folder} has files of that name already: {files}')
    .hint('name a new folder, or move the files; nothing was written'),
  INIT_INSTALL: later(500, 4)
    .message('the files of {folder} are made, and {manager} could not install its packages: {reason}')
    .hint('run npm install in that folder, or that of your package manager, when the registry answers'),
  INIT_STOPPED: safe(503, 6)
    .message('the files of {folder} are made, and the call was stopped before {manager} had installed its packages')
    .hint('run npm install in that folder, or that of your package manager; it completes what is there'),
  INIT_LEFT: safe(503, 6).message('no template was chosen, and nothing was made').hint('run the same command again'),
  INIT_MANIFEST: never(400, 2)
    .message('the file {path} is not a package.json that can be added to')
    .hint('correct its JSON, or name a new folder; nothing was written'),
};
