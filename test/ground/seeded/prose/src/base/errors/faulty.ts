export const faultyErrors = {
  THING_BROKEN: {
    message: 'the thing {name} is told anew',
    hint: 'start the server again after you have looked at every file of the directory, at the log, at the metrics, and at the status of all the other processes',
  },
};
