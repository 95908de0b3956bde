import { expect, test } from "vitest";
import type { Server } from "../../src/lb/model.js";
import { generationOf, parseLines, poolLines } from "../../src/lb/nginx/lines.js";

function server(node: string, more: Partial<Server> = {}): Server {
  const usual = {
    ip: "10.0.0.1",
    port: 80,
    weight: 1,
    admission: "ready",
    cause: "alive",
  } as const;
  return { node, tags: new Map(), ...usual, ...more };
}

const pool = (...servers: Server[]) => ({ name: "web", servers });

test("a server is a line with its weight, the pool's options, and whose it is", () => {
  const servers = pool(
    server("web1"),
    server("web2", { ip: "2001:db8::1", port: 8080, weight: 3 }),
  );
  expect(poolLines(servers, "")).toEqual([
    "server 10.0.0.1:80 max_fails=1 fail_timeout=2s; # web1",
    "server [2001:db8::1]:8080 weight=3 max_fails=1 fail_timeout=2s; # web2",
  ]);
  expect(poolLines(servers, "max_conns=5")).toContain("server 10.0.0.1:80 max_conns=5; # web1");
});

test("who gets no requests has no line, and a pool of nobody has one that nginx takes", () => {
  const nobody = pool(
    server("web1", { admission: "drain" }),
    server("web2", { admission: "out" }),
    server("web3", { weight: 0 }),
  );
  expect(poolLines(nobody, "")).toEqual(["server 127.0.0.1:1 down;"]);
  expect(parseLines("web", poolLines(nobody, ""))).toEqual([]);
});

test("lines are read back as they were written", () => {
  const servers = [server("web1"), server("web2", { ip: "2001:db8::1", weight: 256 })];
  expect(parseLines("web", poolLines(pool(...servers), ""))).toEqual(
    servers.map(({ node, ip, port, weight }) => ({
      pool: "web",
      name: ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`,
      node,
      ip,
      port,
      weight,
      state: "ready",
      up: true,
      inUse: 0,
    })),
  );
});

test.for([
  ["    server 10.0.0.1:80;", { node: undefined, weight: 1 }],
  ["server 10.0.0.1:80 backup; # two words", undefined],
  ["server backup.example.com:80;", undefined],
  ["server unix:/run/app.sock;", undefined],
  ["server 10.0.0.1:80 down;", undefined],
  ["server 10.0.0.1:80 weight=x;", undefined],
  ["# server 10.0.0.1:80;", undefined],
  ["keepalive 32;", undefined],
] as const)("%s", ([line, read]) => {
  const [found] = parseLines("web", [line]);
  if (read === undefined) expect(found).toBeUndefined();
  else expect(found).toMatchObject(read);
});

test("the generation is that of the lines, and of nothing else", () => {
  const one = new Map([
    ["web", ["a"]],
    ["api", ["b"]],
  ]);
  const same = new Map([...one].reverse());
  expect(generationOf(one)).toMatch(/^[0-9a-f]{12}$/);
  expect(generationOf(same)).toBe(generationOf(one));
  expect(generationOf(new Map([["web", ["a", "b"]]]))).not.toBe(generationOf(one));
});
