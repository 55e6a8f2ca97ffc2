import { Client, credentials } from '@grpc/grpc-js';

/** The call that a load of gRPC repeats. */
export interface GrpcLoad {
  readonly address: string;
  readonly path: string;
  /** The message, in base64. */
  readonly message: string;
  readonly calls: number;
  readonly atOnce: number;
}

/** Calls a method as its only argument says. In another process, its time is not that of the server. */
const { address, path, message, calls, atOnce } = JSON.parse(process.argv[2] ?? '{}') as GrpcLoad;
const bytes = Buffer.from(message, 'base64');
const same = (one: Buffer) => one;
const client = new Client(address, credentials.createInsecure());
let left = calls;
const ask = () =>
  new Promise<void>((resolve, reject) => {
    client.makeUnaryRequest(path, same, same, bytes, (error) => (error === null ? resolve() : reject(error)));
  });
const caller = async () => {
  for (; left > 0; ) {
    left -= 1;
    await ask();
  }
};
await Promise.all(Array.from({ length: atOnce }, caller));
client.close();
