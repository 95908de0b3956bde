import { connect, type Socket } from "node:net";
import { formatHostPort } from "../base/address.js";
import { OperatorError } from "../base/errors.js";
import { systemText } from "../base/system-texts.js";
import type { Millis } from "../base/units.js";

/** When the other end is asked for a sign of life on a connection without traffic. */
export const keepAliveDelay: Millis = 30_000;

/** A connection to `host` and `port`. Throws OperatorError in the words that Serf's users know. */
export async function dial(host: string, port: number, timeout: Millis): Promise<Socket> {
  const keepAlive = { keepAlive: true, keepAliveInitialDelay: keepAliveDelay };
  const socket = connect({ host, port, noDelay: true, ...keepAlive });
  return await new Promise((resolve, reject) => {
    const fail = (text: string): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(new OperatorError(`dial tcp${text}`));
    };
    const address = formatHostPort(host, port);
    const timer = setTimeout(() => fail(` ${address}: i/o timeout`), timeout);
    const onError = (error: Error): void => fail(dialFailure(host, address, error));
    socket.once("error", onError);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeListener("error", onError);
      resolve(socket);
    });
  });
}

function dialFailure(host: string, address: string, error: Error): string {
  // With several addresses of a host, there is one error for each.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const { code = "", message = "" } = first as NodeJS.ErrnoException;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `: lookup ${host}: no such host`;
  return ` ${address}: connect: ${systemText(code) ?? message}`;
}
