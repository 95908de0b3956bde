import { once } from "node:events";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { Loopback } from "../../src/demo/loopback.js";

test("ports are free, below those of outgoing connections, and never given twice", async () => {
  const loopback = await Loopback.open();
  const ip = loopback.address(1);
  const ports = new Set<number>();
  for (let count = 0; count < 20; count += 1) ports.add(await loopback.freePort(ip));
  expect(ports.size).toBe(20);
  expect(Math.min(...ports)).toBeGreaterThanOrEqual(20_000);
  expect(Math.max(...ports)).toBeLessThan(32_000);
  const [port] = ports;
  const server = createServer().listen(port, ip);
  await once(server, "listening");
  server.close();
});
