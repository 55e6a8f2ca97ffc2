/** A training program that says that it runs, and continues until it is ended. */
console.log(`training in process ${process.pid}`);
setInterval(() => undefined, 60_000);
