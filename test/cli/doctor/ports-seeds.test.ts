import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { probeReach } from "../../../src/agent/reach-probe.js";
import { formatAddress } from "../../../src/base/address.js";
import { examinePorts } from "../../../src/cli/doctor/ports.js";
import { examineSeeds, type SeedDeps } from "../../../src/cli/doctor/seeds.js";
import { Keyring } from "../../../src/wire/keyring.js";
import { ipOf, startMember } from "../../agent/loopback-member.js";
import { told, words } from "../../examine/files.js";

const host = "127.31.7.9";

async function listen(): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

const gossip = { what: "gossip", flag: "-bind", udp: true };

test("ports that are free are well, and are free afterwards", async () => {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await new Promise((resolve) => server.close(resolve));
  for (const _ of [1, 2]) {
    expect(told(await examinePorts({ ...gossip, host, port }))).toEqual([
      "ok: TCP and UDP are free",
    ]);
  }
});

test("a port that is taken is told with who has it", async () => {
  const port = await listen();
  const found = words(await examinePorts({ ...gossip, host, port }));
  expect(found).toContain(`TCP port ${port} is taken by node`);
  expect(found).toContain(`process ${process.pid}`);
  expect(found).toContain(`-bind ${host}:${port + 1}`);
});

test("UDP alone may be taken", async () => {
  const socket = createSocket("udp4").bind(0, host);
  await once(socket, "listening");
  onTestFinished(() => void socket.close());
  const { port } = socket.address();
  const found = words(await examinePorts({ ...gossip, host, port }));
  expect(found).toContain(`UDP port ${port} is taken`);
  expect(found).not.toContain("TCP port");
});

test("an address of another machine is told with those that there are", async () => {
  const found = words(await examinePorts({ ...gossip, host: "192.0.2.7", port: 7_946 }));
  expect(found).toContain("192.0.2.7 is no address of this machine");
  expect(found).toContain("127.0.0.1");
});

const key = (fill: number): Keyring => new Keyring([new Uint8Array(16).fill(fill)]);

function deps(keyring?: Keyring): SeedDeps {
  return {
    encrypted: keyring !== undefined,
    resolve: async (seed) => (seed === "nowhere" ? "lookup nowhere: no such host" : [seed]),
    probe: async (address, plain) => {
      const [ip = "", port] = address.split(":");
      const to = { ip: ipOf(ip), port: Number(port) };
      return await probeReach({ address: to, keyring: plain ? undefined : keyring, timeout: 300 });
    },
  };
}

test("a member to join that answers is well", async () => {
  const seed = formatAddress((await startMember("a", "127.0.0.1")).address);
  expect(told(await examineSeeds([seed], deps()))).toEqual([
    `ok: an agent answers at ${seed}, over TCP and UDP`,
  ]);
});

test("names that nobody knows, and addresses at which nobody listens, are told", async () => {
  const port = await listen();
  expect(words(await examineSeeds(["nowhere"], deps()))).toContain("getent hosts nowhere");
  const refused = words(await examineSeeds(["127.31.7.10:9"], deps()));
  expect(refused).toContain("nothing listens at 127.31.7.10:9");
  const other = words(await examineSeeds([`${host}:${port}`], deps()));
  expect(other).toContain("or what listens there is no agent");
});

test("one that answers makes the others something to be looked at, no more", async () => {
  const seed = formatAddress((await startMember("a", "127.0.0.1")).address);
  const found = await examineSeeds([seed, "nowhere"], deps());
  expect(found.map(({ result }) => result).sort()).toEqual(["ok", "warn"]);
});

test("keys that differ are told from keys that one of both does not have", async () => {
  const plain = formatAddress((await startMember("a", "127.0.0.1")).address);
  const sealed = formatAddress((await startMember("b", "127.0.0.1", { keyring: key(1) })).address);
  expect(words(await examineSeeds([sealed], deps(key(2))))).toContain("its keys are others");
  expect(words(await examineSeeds([sealed], deps()))).toContain(
    "it encrypts, and this one does not",
  );
  expect(words(await examineSeeds([plain], deps(key(2))))).toContain(
    "does not encrypt, but this agent does",
  );
  expect(words(await examineSeeds([sealed], deps(key(1))))).toBe("");
});
