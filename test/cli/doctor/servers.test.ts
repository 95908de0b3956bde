import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { Applications } from "../../../src/cli/doctor/applications.js";
import { examineServers, type ServerDeps } from "../../../src/cli/doctor/servers.js";
import { parseListeners, portStateOf } from "../../../src/lb/listeners.js";
import { told, words } from "../../examine/files.js";

const ip = "127.23.9.8";

async function open(server: Server, host = ip, port = 0): Promise<number> {
  server.listen(port, host);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function shut(): Promise<number> {
  const server = createServer();
  const port = await open(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const nobody: ServerDeps = {
  applications: new Applications(undefined),
  ownPorts: new Set([7_946]),
  ownerAt: () => undefined,
  askPort: async () => undefined,
};

async function examined(host: string, port: number, deps: Partial<ServerDeps> = {}) {
  const server = { name: "web/one", where: "line 9 of x.cfg", host, port };
  const { findings } = await examineServers([server], { ...nobody, ...deps });
  return findings;
}

const web1 = (over: object = {}): Partial<ServerDeps> => ({
  ownerAt: () => ({
    name: "web1",
    status: "alive",
    portTag: undefined,
    gossipPort: 7_946,
    ...over,
  }),
});

test("a server that accepts connections is well", async () => {
  const port = await open(createServer());
  expect(told(await examined(ip, port))).toEqual(["ok: accepts connections"]);
});

test("one that cuts them at once is to be looked at", async () => {
  const port = await open(createServer((socket) => socket.end()));
  expect(words(await examined(ip, port))).toContain("cuts them at once");
});

test("a port at which nobody listens is said to be one of a service that is not running", async () => {
  const found = words(await examined(ip, await shut(), web1()));
  expect(found).toContain("connection refused: nothing listens");
  expect(found).toContain("start the service on web1");
  expect(found).toContain("on web1: gossipd doctor -service");
});

test("another port that is open at the address is named as the one that may be meant", async () => {
  const [wrong, right] = [await shut(), await open(createServer())];
  const file = words(await examined(ip, wrong));
  expect(file).toContain(`the port may be wrong: ${right} (node`);
  expect(file).toContain(`change line 9 of x.cfg: port ${right} in place of ${wrong}`);
  const tag = words(await examined(ip, wrong, web1({ portTag: String(wrong) })));
  expect(tag).toContain(`on web1: gossipd tags -set port=${right}`);
  const own = await examined(ip, wrong, { ownPorts: new Set([right]) });
  expect(words(own)).not.toContain("the port may be wrong");
});

test("a service that listens on 127.0.0.1 alone is told", async () => {
  const port = await open(createServer(), "127.0.0.1");
  expect(words(await examined(ip, port))).toContain(`listens on port ${port} of 127.0.0.1 alone`);
});

test("a name that nobody knows is told, with the line it stands in", async () => {
  const found = words(await examined("cache-node1.invalid", 80));
  expect(found).toContain("the name cache-node1.invalid is not known");
  expect(found).toContain("in line 9 of x.cfg");
});

test("that the member itself has failed is told with it", async () => {
  const found = words(await examined(ip, await shut(), web1({ status: "failed" })));
  expect(found).toContain("member web1 is failed: its agent does not run either");
});

test("what is wrong with a member's application is told in place of guesses, and once", async () => {
  const fault = {
    about: "program /opt/x",
    found: "there is no such file",
    cause: null,
    remedy: ["cp /opt/y /opt/x"],
  };
  const applications = new Applications({ application: async () => [fault] });
  const deps = { ...web1(), applications };
  const found = words(await examined(ip, await shut(), deps));
  expect(found).toContain(
    "web1: program /opt/x\nthere is no such file\n\non web1: cp /opt/y /opt/x",
  );
  expect(found).not.toContain("doctor -service");
  expect(words(await examined(ip, await shut(), deps))).not.toContain("/opt/x");
});

test("what listens is read as the system tells it", () => {
  const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1
   1: 00000000:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 112 1
   2: 0100007F:1F92 0100007F:8000 01 00000000:00000000 00:00000000 00000000     0        0 113 1
`;
  const listeners = parseListeners(text);
  expect(listeners).toEqual([
    { ip: "127.0.0.1", port: 8080, inode: "111" },
    { ip: "0.0.0.0", port: 8081, inode: "112" },
  ]);
  expect(portStateOf(listeners, 8080)).toEqual({ port: 8080, listens: "loopback", others: [8081] });
  expect(portStateOf(listeners, 8081)).toMatchObject({ listens: "yes" });
  expect(portStateOf(listeners, 8082)).toMatchObject({ listens: "no" });
  expect(portStateOf(undefined, 8080)).toMatchObject({ listens: "unknown" });
});

test("IPv6 listeners are read, and those of IPv4 within it", () => {
  const line = (where: string) =>
    `   0: ${where}:1F90 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 7 1\n`;
  const ips = [
    "00000000000000000000000000000000",
    "00000000000000000000000001000000",
    "0000000000000000FFFF00000100007F",
  ]
    .flatMap((where) => parseListeners(line(where)))
    .map((one) => one.ip);
  expect(ips).toEqual(["::", "::1", "127.0.0.1"]);
});
