import { later, never } from './row.ts';

/** Errors of models that are Python programs: environments and workers. */
export const pythonErrors = {
  PYTHON_OFF: never(503, 3)
    .message('version {version} of model {model} is a Python program, and this environment runs none')
    .hint(
      'set models: { python: {} } in the environment, if you trust everybody who can register a model with the scope code: a pickle is a program',
    ),
  PYTHON_ALIAS: never(409, 5)
    .message('version {version} of model {model} is a Python program, and no alias points at it')
    .hint('set an alias with headrace registry alias, or through MLflow with a key that has the scope promote'),
  PYTHON_FLAVOR: never(503, 3)
    .message('version {version} of model {model} cannot be served: {reason}')
    .hint(
      'log it with a log_model function of MLflow, so that it has an MLmodel file with the flavour onnx or python_function',
    ),
  PYTHON_REQUIREMENTS: never(503, 3)
    .message('the requirement {line} of version {version} of model {model} is refused: {reason}')
    .hint('log the model with pip_requirements of names and versions from the package index'),
  PYTHON_VERSION: never(503, 3)
    .message('version {version} of model {model} needs Python {needed}; {interpreter} is {found}')
    .hint('install that version of Python so that its command is on the PATH, or name it as models.python.interpreter'),
  PYTHON_INTERPRETER: never(503, 3)
    .message('the interpreter {interpreter} cannot be run: {reason}')
    .hint('install Python 3 with venv, or name its command as models.python.interpreter'),
  PYTHON_INSTALL: later(503, 5)
    .message('the environment of version {version} of model {model} cannot be made: {reason}')
    .hint('check that pip reaches the package index and has wheels of its requirements for this machine'),
  PYTHON_PREPARING: later(503, 5)
    .message('the environment of version {version} of model {model} is being made')
    .hint('retry later; make it ahead with headrace registry prepare'),
  PYTHON_LOAD: never(503, 3)
    .message('the worker of version {version} of model {model} cannot load it: {reason}')
    .hint('load it with mlflow.pyfunc.load_model in an environment of its requirements'),
  PYTHON_ENDED: never(500, 3)
    .message('the worker of version {version} of model {model} ended during the run: {reason}')
    .hint('check the model with these inputs; another worker answers the next requests'),
  PYTHON_TIME: never(504, 3)
    .message('version {version} of model {model} took longer than {limitMs} ms, and its worker was killed')
    .hint('check the model with these inputs, or raise models.python.timeout or start'),
  PYTHON_LIMIT: never(500, 3)
    .message('the worker of version {version} of model {model} used {used} of {allowed} {what}, and was killed')
    .hint('raise models.python.memory or processes, or register a model that needs less'),
  PYTHON_FRAME: never(500, 3)
    .message('the worker of version {version} of model {model} sent {reason}, and was killed')
    .hint('check the program of the model: it writes to the socket of its worker'),
  PYTHON_OUTPUT: never(500, 3)
    .message('version {version} of model {model} returned {reason}')
    .hint('make the model return the same outputs for every request, each with its type and shape'),
  PYTHON_DOWN: later(503, 5)
    .message('version {version} of model {model} has no worker now: {reason}')
    .hint('retry later; headrace status says how the worker ended'),
};
