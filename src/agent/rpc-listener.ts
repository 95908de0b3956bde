import { OperatorError } from "../base/errors.js";
import type { RpcServer } from "../rpc/server.js";
import { localAddress, splitRpcAddress } from "./addresses.js";

/**
 * Makes `server` listen at `address`, `host:port`; resolves with where clients on this host reach it.
 * Throws {@link OperatorError}.
 */
export async function listenForRpc(
  server: Pick<RpcServer, "listen">,
  address: string,
): Promise<string> {
  try {
    const { host, port } = splitRpcAddress(address);
    const listening = host === "" ? listenEverywhere(server, port) : server.listen(host, port);
    return localAddress(host, await listening);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    const reason = error.message.replace(/^address/, "listen tcp: address");
    throw new OperatorError(`Error starting RPC listener: ${reason}`, { cause: error });
  }
}

/** Without a host all addresses are meant, of both families where the system has both. */
async function listenEverywhere(server: Pick<RpcServer, "listen">, port: number): Promise<number> {
  try {
    return await server.listen("::", port);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return await server.listen("0.0.0.0", port);
  }
}
