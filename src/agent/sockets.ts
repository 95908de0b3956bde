import { type Address, formatAddress, formatIp } from "../base/address.js";
import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import { systemCode, systemReason } from "./system-errors.js";
import { TcpStreams } from "./tcp.js";
import { UdpSocket } from "./udp.js";

/** How many free TCP ports are tried until one is free for UDP too. */
const maxTries = 10;

export interface Sockets {
  readonly tcp: TcpStreams;
  readonly udp: UdpSocket;
}

/**
 * Opens both gossip sockets on one port; port 0 means any that is free for both. Throws
 * {@link OperatorError}.
 */
export async function openSockets(bind: Address, log: Log): Promise<Sockets> {
  for (let tries = 1; ; tries += 1) {
    const tcp = await TcpStreams.listen(bind, log);
    try {
      return { tcp, udp: await UdpSocket.bind(tcp.bound, log) };
    } catch (error) {
      await tcp.stop();
      const another = bind.port === 0 && systemCode(error) === "EADDRINUSE" && tries < maxTries;
      if (!another) throw udpFailure({ ip: bind.ip, port: tcp.bound.port }, error);
    }
  }
}

function udpFailure(address: Address, error: unknown): OperatorError {
  const where = `"${formatIp(address.ip)}" port ${address.port}`;
  const cause = `listen udp ${formatAddress(address)}: bind: ${systemReason(error)}`;
  return new OperatorError(`Failed to start UDP listener on ${where}: ${cause}`, { cause: error });
}
