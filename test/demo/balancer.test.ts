import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { Backend } from "../../src/demo/backend-list.js";
import { Balancer } from "../../src/demo/balancer.js";
import { Load } from "../../src/demo/load.js";
import { Tally } from "../../src/demo/tally.js";
import { createWebServer } from "../../src/demo/web-server.js";

const ip = "127.0.0.1";
const servers = new Set<Server>();

afterEach(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  servers.clear();
});

async function listen(server: Server): Promise<number> {
  servers.add(server);
  server.listen(0, ip);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function webServer(name: string): Promise<{ backend: Backend; server: Server }> {
  const server = createWebServer(name);
  return { backend: { name, ip, port: await listen(server) }, server };
}

/** A stream of requests through `balancer`, with a promise for each time that enough have come. */
async function requestsThrough(balancer: Balancer) {
  const port = await listen(balancer.server);
  const tally = new Tally();
  const waiting = new Set<() => void>();
  const load = new Load({
    ip,
    port,
    fresh: 3,
    kept: 3,
    pause: 1,
    onOutcome: (outcome) => {
      tally.add(outcome);
      for (const look of waiting) look();
    },
  });
  load.start();
  const until = (isSo: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!isSo()) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
    });
  const answersBy = (name: string) => tally.answeredBy.get(name) ?? 0;
  const more = (name: string, count = 30) => {
    const enough = answersBy(name) + count;
    return until(() => answersBy(name) >= enough);
  };
  return { tally, load, more, until, answersBy };
}

test("no request is lost while backends come and go", async () => {
  const [one, two, three] = [
    await webServer("web1"),
    await webServer("web2"),
    await webServer("web3"),
  ];
  const balancer = new Balancer();
  balancer.use([one.backend, two.backend]);
  const { tally, load, more, answersBy } = await requestsThrough(balancer);
  await Promise.all([more("web1"), more("web2")]);
  balancer.use([one.backend, two.backend, three.backend]);
  await more("web3");
  balancer.use([one.backend, three.backend]);
  two.server.close();
  await more("web1");
  const afterwards = answersBy("web2");
  await more("web3");
  expect(answersBy("web2")).toBe(afterwards);
  await load.stop();
  expect(Object.fromEntries(tally.lostBecause)).toEqual({});
});

test("a backend that refuses connections costs no request", async () => {
  const [one, dead] = [await webServer("web1"), await webServer("web2")];
  dead.server.close();
  await once(dead.server, "close");
  const balancer = new Balancer();
  balancer.use([dead.backend, one.backend]);
  const { tally, load, more } = await requestsThrough(balancer);
  await more("web1", 60);
  await load.stop();
  expect(Object.fromEntries(tally.lostBecause)).toEqual({});
});

test("without a backend every request is refused, and counted as lost", async () => {
  const balancer = new Balancer();
  const { tally, load, until } = await requestsThrough(balancer);
  await until(() => tally.lost >= 30);
  await load.stop();
  expect([...tally.lostBecause.keys()].sort()).toEqual(["GET status 503", "POST status 503"]);
  expect(tally.answered).toBe(0);
});

test("a request whose backend breaks off is lost, and only that", async () => {
  const [one, two] = [await webServer("web1"), await webServer("web2")];
  const balancer = new Balancer();
  balancer.use([one.backend, two.backend]);
  const { tally, load, more } = await requestsThrough(balancer);
  await more("web2");
  two.server.close();
  two.server.closeAllConnections();
  await more("web1", 60);
  await load.stop();
  expect(tally.lost).toBeLessThanOrEqual(6);
  for (const why of tally.lostBecause.keys()) expect(why).toMatch(/^(GET|POST) status 502$/);
});
