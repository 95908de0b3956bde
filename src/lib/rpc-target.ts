import { OperatorError } from "../base/errors.js";
import type { RpcTarget } from "../rpc/connection.js";
import type { RpcAddress } from "./rpc-client.js";

/** What is to be dialled. Throws {@link OperatorError}. */
export function rpcTarget({ address = "127.0.0.1:7373", authKey = "" }: RpcAddress): RpcTarget {
  if (typeof authKey !== "string") throw new OperatorError('"authKey" must be a string');
  const [, bracketed, plain, digits] =
    /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(String(address)) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host !== undefined && port <= 65_535) return { host, port, authKey };
  throw new OperatorError(
    `"address" must be host:port or [v6]:port, not ${JSON.stringify(address)}`,
  );
}
