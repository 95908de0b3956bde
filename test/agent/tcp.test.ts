import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { TcpStreams } from "../../src/agent/tcp.js";
import { RecordedLog } from "../support/recorded-log.js";
import { ipOf } from "./loopback-member.js";

interface End {
  readonly reason: string | undefined;
  readonly refused: boolean | undefined;
}

/** How a stream ends that is dialled to `host` and has something to say. */
async function endOf(host: string, port: number): Promise<End> {
  const tcp = await TcpStreams.listen({ ip: ipOf("127.0.0.1"), port: 0 }, new RecordedLog());
  onTestFinished(() => tcp.stop());
  return new Promise((resolve) => {
    tcp.start({
      accept: () => undefined,
      stands: () => {},
      receive: () => {},
      closed: (_stream, reason, refused) => resolve({ reason, refused }),
    });
    tcp.dial(1, { ip: ipOf(host), port });
    tcp.write(1, Uint8Array.of(1));
  });
}

test("a host on whose port nobody listens refuses the stream", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  const { reason, refused } = await endOf("127.0.0.1", port);
  expect(reason).toBe(`dial tcp 127.0.0.1:${port}: connect: connection refused`);
  expect(refused).toBe(true);
});

test("whoever takes the stream and resets it has not refused it", async () => {
  const server = createServer((socket) => socket.resetAndDestroy()).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const { reason, refused } = await endOf("127.0.0.1", port);
  expect(reason).toMatch(/connection reset by peer|EPIPE|broken pipe/);
  expect(refused).toBe(false);
});

test("an address that cannot be dialled has not refused either", async () => {
  const { reason, refused = false } = await endOf("255.255.255.255", 9);
  expect(reason).toContain("dial tcp");
  expect(refused).toBe(false);
});
