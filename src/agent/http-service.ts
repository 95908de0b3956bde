import { formatAddress, formatIp } from "../base/address.js";
import { OperatorError } from "../base/errors.js";
import type { HttpHost } from "../http/host.js";
import type { HttpAddress, HttpFigures, HttpServer } from "../http/server.js";
import type { MemberInfo, MemberStatus } from "../observe/member-info.js";
import type { RpcMember } from "../rpc/api.js";

/** The HTTP server of an agent that has one; nothing of it is loaded without an address. */
export class HttpService {
  readonly #server: HttpServer;
  readonly #addresses: string[] = [];

  private constructor(server: HttpServer) {
    this.#server = server;
  }

  /** Undefined without an address. Throws {@link OperatorError}; nothing is left open then. */
  static async start(
    addresses: readonly HttpAddress[],
    host: HttpHost,
  ): Promise<HttpService | undefined> {
    if (addresses.length === 0) return undefined;
    const { HttpServer } = await import("../http/server.js");
    const service = new HttpService(new HttpServer(host));
    try {
      for (const address of addresses)
        service.#addresses.push(await service.#server.listen(address));
      return service;
    } catch (error) {
      await service.close();
      if (!(error instanceof OperatorError)) throw error;
      const message = `Error starting HTTP listener: ${error.message}`;
      throw new OperatorError(message, { cause: error });
    }
  }

  /** Where clients reach it, in the order of the configuration. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  get figures(): HttpFigures {
    return this.#server.figures;
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}

/** A member of which nothing is known but what an event says: it may be forgotten already. */
export function bareInfo(member: RpcMember): MemberInfo {
  const { addr: ip, delegateCur, delegateMax, delegateMin, name, port, tags } = member;
  const { protocolCur, protocolMax, protocolMin } = member;
  return {
    name,
    address: formatAddress({ ip, port }),
    ip: formatIp(ip),
    port,
    status: member.status as MemberStatus,
    tags: Object.fromEntries(tags),
    protocol: { min: protocolMin, max: protocolMax, current: protocolCur },
    delegate: { min: delegateMin, max: delegateMax, current: delegateCur },
    rttMillis: null,
    lastRttMillis: null,
    lastAckedAt: null,
    lostProbes: 0,
    suspectedBy: [],
    suspectedSince: null,
  };
}
