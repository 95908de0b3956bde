import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BalancerConfig } from "../../src/lb/config.js";
import { decodeLbConfig } from "../../src/lb/config-file.js";
import { parseServerLines } from "../../src/lb/haproxy/server-lines.js";
import { findBlocks } from "../../src/lb/marker.js";
import type { Desired, LbMember } from "../../src/lb/model.js";
import { parseLines } from "../../src/lb/nginx/lines.js";
import { Policy } from "../../src/lb/policy.js";
import { openProxy } from "../../src/lb/proxies.js";
import { tempDir } from "../agent/temp-dir.js";
import { hostileMembers, otherMembers } from "../handlers/hostile.js";
import { RecordedLog } from "../support/recorded-log.js";

/** What could end a line, a word or a block, or begin another, in any file that we write. */
const fragments = [
  ...[
    "\n",
    "\r",
    "\t",
    "\0",
    " ",
    ";",
    "#",
    "\\",
    "/",
    "..",
    "$(id)",
    "`id`",
    "{{ x }}",
    "{% x %}",
  ],
  ...["{", "}", '"', "'", "# gossipd end web", "# gossipd begin web", "server evil 6.6.6.6:80"],
  ...[
    "server 6.6.6.6:80;",
    "backend x",
    "proxy_pass http://6.6.6.6;",
    "\u202e",
    "\u2028",
    "\u0085",
  ],
  ...["undefined", "NaN", "[object Object]", "__proto__", "constructor", "web1", "80", "10.0.0.1"],
];

const listed = [...hostileMembers, ...otherMembers].flatMap(({ name, ip = "", tags = {} }) => [
  name,
  ip,
  ...Object.values(tags),
]);

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.constantFrom(...listed),
  fc
    .array(fc.constantFrom(...fragments), { minLength: 1, maxLength: 4 })
    .map((all) => all.join("")),
);

const ip = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("10.0.0.1", "10.0.0.2", "2001:db8::1") },
  { weight: 1, arbitrary: text },
);

const number = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: -1, max: 400 }).map(String) },
  { weight: 1, arbitrary: text },
);

/** Most are right, or nobody would ever be accepted who is wrong in one thing alone. */
const word = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("a", "eu-1") },
  { weight: 1, arbitrary: fc.constantFrom("", ...fragments) },
  { weight: 1, arbitrary: text },
);

const member: fc.Arbitrary<LbMember> = fc
  .record({
    name: fc.oneof(
      fc.nat(30).map((id) => `web${id}`),
      text,
    ),
    ip,
    status: fc.constantFrom("alive", "alive", "alive", "failed", "leaving"),
    suspected: fc.boolean(),
    tags: fc.record(
      { port: number, weight: number, lb_addr: ip, zone: word },
      { requiredKeys: ["port", "zone"] },
    ),
    state: fc.constantFrom(undefined, "ready", "draining", "none of these"),
    more: fc.dictionary(text, text, { maxKeys: 3 }),
  })
  .map(({ tags, state, more, ...rest }) => ({
    ...rest,
    tags: new Map([
      ...Object.entries(more),
      ...Object.entries(tags),
      ...(state === undefined ? [] : [["state", state] as const]),
      ["role", "web"],
    ]),
  }));

const members = fc.array(member, { maxLength: 12 });

const none = { at: 0, trouble: "nobody is asked", process: "", servers: [], lingering: 0 };

const foreign = ["before \t\u0301 é\r", "  # stays ", "after \u202e"] as const;

const marked = `${foreign[0]}\n  # gossipd begin web\n  # gossipd end web\n${foreign[1]}\n${foreign[2]}`;

/** What marker mode needs around it to be a file. */
const files: Readonly<Record<string, string>> = {
  haproxy: `global\n  stats socket /run/h.sock level admin\n# é\r\nbackend web\n  # gossipd begin web\n  # gossipd end web\n# after \u0301`,
  nginx: marked,
};

function configOf(kind: string, folder: string, more: object): BalancerConfig {
  const pool = { name: "web", members: "role=web", required_tags: ["zone"] };
  const balancer = { kind, config: join(folder, "live"), pools: [pool], ...more };
  const { balancers } = decodeLbConfig({ balancers: [balancer], state_dir: folder }, "test");
  const [config] = balancers;
  if (config === undefined) throw new Error("no balancer");
  return config;
}

function decided(config: BalancerConfig, view: readonly LbMember[]): Desired {
  const policy = new Policy(config, { settleTime: 0, settleLimit: 0 });
  const health = { isolated: false, awareness: 0 };
  const seen = { self: "edge", members: view, health, joined: true };
  const { desired } = policy.decide(1, seen, { answer: () => "unknown" });
  for (const refusal of desired.refused) {
    expect(`${refusal.node}${refusal.reason}`).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    expect(refusal.node.length).toBeLessThanOrEqual(140);
    expect(refusal.reason.length).toBeLessThanOrEqual(610);
  }
  return desired;
}

async function render(config: BalancerConfig, current: string, desired: Desired): Promise<string> {
  const notes = { read: () => undefined, write: () => {} };
  const proxy = await openProxy(config, { log: new RecordedLog(), now: () => 0, notes });
  return proxy.render(current, desired, none);
}

/** Everybody is accepted or refused, and who is accepted is what it should be by a rule of its own. */
function expectSorted(desired: Desired, view: readonly LbMember[]): void {
  for (const { node, ip: address, port, weight, tags } of desired.pools[0]?.servers ?? []) {
    expect(node).toMatch(/^\w[\w.:-]{0,127}$/);
    expect(address).toMatch(/^[0-9a-f.:]+$/);
    expect(Number.isInteger(port) && port >= 1 && port <= 65_535).toBe(true);
    expect(Number.isInteger(weight) && weight >= 0 && weight <= 256).toBe(true);
    expect(tags.get("zone")).toMatch(/^[^\s;#"'`\\{}$\p{C}\p{Z}]{1,256}$/u);
    expect(view.some(({ name }) => name === node)).toBe(true);
  }
}

const settings = { seed: 1, numRuns: 400 };

function wanted(desired: Desired, ready: boolean): string[] {
  const servers = (desired.pools[0]?.servers ?? []).filter(
    ({ admission, weight }) => !ready || (admission === "ready" && weight > 0),
  );
  return servers.map((one) => `${one.node} ${one.ip} ${one.port} ${one.weight}`).sort();
}

describe("whatever members call themselves, the lines of servers are those accepted", () => {
  test.for(["auto", "reload", "dynamic"])("haproxy, %s, between markers", async (mode) => {
    const config = configOf("haproxy", tempDir(), { mode, slots: 4 });
    const file = files.haproxy ?? "";
    await fc.assert(
      fc.asyncProperty(members, async (view) => {
        const desired = decided(config, view);
        expectSorted(desired, view);
        const rendered = await render(config, file, desired);
        const [block] = findBlocks(rendered, ["web"]);
        const own = block?.lines ?? [];
        const parsed = parseServerLines(own).flatMap((line) =>
          line.node === undefined ? [] : [`${line.node} ${line.ip} ${line.port} ${line.weight}`],
        );
        expect(parsed.sort()).toEqual(wanted(desired, false));
        for (const line of own)
          expect(line).toMatch(
            /^ {2}server [\w.:-]+ [\w.:[\]]+( id \d+)?( weight \d+)?( disabled)?( # [\w.:-]+)?$/,
          );
        const [before = "", after = ""] = file.split("  # gossipd end web");
        expect(rendered).toBe(
          `${before}${own.map((line) => `${line}\n`).join("")}  # gossipd end web${after}`,
        );
      }),
      settings,
    );
  });

  test("nginx, between markers", async () => {
    const config = configOf("nginx", tempDir(), {});
    await fc.assert(
      fc.asyncProperty(members, async (view) => {
        const desired = decided(config, view);
        const rendered = await render(config, marked, desired);
        const own = findBlocks(rendered, ["web"])[0]?.lines ?? [];
        const parsed = parseLines("web", own).map(
          (one) => `${one.node} ${one.ip} ${one.port} ${one.weight}`,
        );
        expect(parsed.sort()).toEqual(wanted(desired, true));
        const blank = parsed.length === 0 ? 1 : 0;
        expect(own).toHaveLength(parsed.length + blank);
        const [before = "", after = ""] = marked.split("  # gossipd end web");
        expect(rendered).toBe(
          `${before}${own.map((line) => `${line}\n`).join("")}  # gossipd end web${after}`,
        );
      }),
      settings,
    );
  });

  const templates = {
    nginx: "server {{ s | host_port }} weight={{ s.weight }}; # {{ s.node }} {{ s.tags.zone }}",
    haproxy:
      "server {{ s.name }} {{ s | host_port }} weight {{ s.weight }} cookie {{ s.tags.zone | quote }} # {{ s.node }}",
  };
  test.for(["nginx", "haproxy"] as const)("%s, by a template that prints a tag", async (kind) => {
    const folder = tempDir();
    const template = join(folder, "live.liquid");
    const loop = `{% for s in pools[0].servers %}${templates[kind]}\n{% endfor %}`;
    writeFileSync(template, `first {{ pools.size }}\n${loop}second\n`);
    const config = configOf(kind, folder, { template });
    await fc.assert(
      fc.asyncProperty(members, async (view) => {
        const desired = decided(config, view);
        const rendered = await render(
          config,
          "global\n stats socket /run/h level admin\n",
          desired,
        );
        const lines = rendered.split("\n");
        expect([lines[0], ...lines.slice(-2)]).toEqual(["first 1", "second", ""]);
        const own = lines.slice(1, -2);
        const ready = (desired.pools[0]?.servers ?? []).filter(
          ({ admission }) => admission === "ready",
        );
        expect(own).toHaveLength(ready.length);
        for (const [index, server] of ready.entries()) {
          const { node, ip: address, port, weight, tags } = server;
          const where = address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
          const zone = tags.get("zone");
          expect(own[index]).toBe(
            kind === "nginx"
              ? `server ${where} weight=${weight}; # ${node} ${zone}`
              : `server ${node} ${where} weight ${weight} cookie "${zone}" # ${node}`,
          );
        }
      }),
      settings,
    );
  });
});

test("a template that prints a tag which its pool does not require says who stops it", async () => {
  const folder = tempDir();
  const template = join(folder, "live.liquid");
  writeFileSync(template, "{% for s in pools[0].servers %}# {{ s.tags.zone }}\n{% endfor %}");
  const pools = [{ name: "web", members: "role=web" }];
  const config = configOf("nginx", folder, { template, pools });
  const view = ["a", "b;c", undefined].map(
    (zone, index): LbMember => ({
      name: `web${index}`,
      ip: `10.0.0.${index + 1}`,
      status: "alive",
      suspected: false,
      tags: new Map([
        ["role", "web"],
        ["port", "80"],
        ...(zone === undefined ? [] : [["zone", zone] as const]),
      ]),
    }),
  );
  await expect(render(config, "", decided(config, view))).rejects.toThrow(
    /line 1: undefined variable: s\.tags\.zone: web1 and 1 more has no tag zone that can be printed; "required_tags": \["zone"\] in the pool refuses such members/,
  );
  const strict = configOf("nginx", folder, { template });
  const desired = decided(strict, view);
  expect(desired.refused.map(({ node, reason }) => `${node}: ${reason}`)).toEqual([
    'web1: tag zone: the value "b;c" must not contain ";"',
    "web2: it has no tag zone, and the pool requires it",
  ]);
  expect(await render(strict, "", desired)).toBe("# a\n");
});
