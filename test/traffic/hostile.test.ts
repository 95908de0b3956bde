import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hostileMembers } from "../handlers/hostile.js";
import { missingPrograms } from "../support/programs.js";
import { AgentProcess } from "./support/agent-process.js";
import { Child } from "./support/child.js";
import { ConfigWatch } from "./support/config-watch.js";
import { Haproxy } from "./support/haproxy.js";
import type { HostileOrder } from "./support/hostile-crowd.js";
import { Load } from "./support/load-client.js";
import { reportLine } from "./support/load-record.js";
import { Nginx, type NginxPlace, recommendedNginx } from "./support/nginx.js";
import { freshNet, gossipd, packageRoot } from "./support/places.js";
import { RecordingSocket } from "./support/recording-socket.js";
import { size } from "./support/size.js";
import { tell } from "./support/tell.js";
import { waitUntil } from "./support/waiting.js";
import { WebProcess } from "./support/web-process.js";

const net = freshNet();
const webPort = 8_080;

/** Below the hundred up to which refusals are told one by one. */
const count = size(60, 95);

/** Each hostile member bears a word of its own, in its name and in what is wrong with it. */
function tokenOf(index: number): string {
  return `canary${String(index).padStart(3, "0")}x`;
}

const canary = /canary\d/;

/** What a terminal would act upon, line ends and all. */
const unprintable = /[^\P{Cc}\n]|[\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

/** Directives of both proxies, templates and markers, beside those that a shell would fall for. */
const texts: readonly string[] = [
  ...new Set(hostileMembers.slice(0, 60).flatMap(({ name }) => (name.length <= 200 ? [name] : []))),
  "x\n    # gossipd end web\n    server evil 6.6.6.6:80",
  "# gossipd end web\n",
  "x; shutdown sessions server web/s01",
  "x\nset server web/s01 state maint\n",
  "x;\n} server { listen 6666; return 200 evil; } #",
  "x; proxy_pass http://6.6.6.6;",
  "x\n    http-request deny\n",
  "{{ pools | json }}",
  "{% include '/etc/passwd' %}",
  "{%- raw -%}",
  "x\u202egpj.exe\u2066",
  "x\u001b]0;evil\u0007\u001b[2J",
  "\u009b31m",
];

/** A name that would do: whoever has one must be refused for something else. */
const plainName = /^\w[\w.:-]{0,127}$/;

/** So many members that must be refused, each in its own way; the addresses begin at host 20. */
function hostiles(good: WebProcess): HostileOrder[] {
  const right = { role: "web", port: String(webPort), zone: "z1" };
  const kinds: ((text: string, token: string) => Omit<HostileOrder, "bind">)[] = [
    (text, token) => ({ name: text.length > 40 ? token + text : text + token, tags: right }),
    (text, token) => ({ name: `p-${token}`, tags: { ...right, port: text + token } }),
    (text, token) => ({ name: `w-${token}`, tags: { ...right, weight: text + token } }),
    (text, token) => ({ name: `a-${token}`, tags: { ...right, lb_addr: text + token } }),
    (text, token) => ({ name: `z-${token}`, tags: { ...right, zone: `a ${text}${token}` } }),
    (text, token) => ({
      name: `t-${token}`,
      tags: { role: "web", port: String(webPort), [`zone${text}${token}`]: "z1" },
    }),
  ];
  const others: ((token: string) => Omit<HostileOrder, "bind">)[] = [
    (token) => ({ name: `d-${token}`, tags: { ...right, lb_addr: good.ip } }),
    ...["0", "65536", "-1", "8e3", "99999999999"].map((port) => (token: string) => ({
      name: `n-${token}`,
      tags: { ...right, port },
    })),
    ...["257", "-1", "1e2"].map((weight) => (token: string) => ({
      name: `n-${token}`,
      tags: { ...right, weight },
    })),
    ...["0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "localhost", "fe80::1%lo"].map(
      (ip) => (token: string) => ({ name: `n-${token}`, tags: { ...right, lb_addr: ip } }),
    ),
    (token) => ({ name: `undefined-${token}`, tags: right }),
    (token) => ({ name: `u-${token}`, tags: { ...right, zone: "undefined" } }),
    (token) => ({ name: `u-${token}`, tags: { ...right, zone: "NaN" } }),
  ];
  const made: HostileOrder[] = [];
  for (let at = 0; made.length < count; at += 1) {
    const token = tokenOf(made.length);
    const other = others[made.length];
    // 7 and 6 have no common divisor but 1: all texts in all places, if there are enough.
    const text = texts[(at * 7) % texts.length] ?? "";
    const order = other?.(token) ?? kinds[at % kinds.length]?.(text, token);
    if (order === undefined) continue;
    if (other === undefined && at % kinds.length === 0 && plainName.test(order.name)) continue;
    made.push({ ...order, bind: net(20 + made.length) });
  }
  return made;
}

function templateOf(place: NginxPlace): string {
  return recommendedNginx(place)
    .replace("http {", "http {\n    keepalive_timeout 0;")
    .replace(
      /# gossipd begin web[\s\S]*# gossipd end web\n/,
      `{% for s in pools[0].servers -%}
        server {{ s | host_port }} weight={{ s.weight }} max_fails=0; # {{ s.node }} in {{ s.tags.zone | quote }}
        {% else -%}
        server 127.0.0.1:9 down;
        {% endfor %}
`,
    );
}

/** Every file below, with its path. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
}

interface Refused {
  readonly balancers: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly refused: readonly { readonly node: string; readonly reason: string }[];
  }[];
}

describe.skipIf(missingPrograms("haproxy", "nginx").length > 0)("members that say anything", () => {
  const cwd = mkdtempSync(join(tmpdir(), "gossipd-cwd-"));
  const state = mkdtempSync(join(tmpdir(), "gossipd-state-"));
  const children: Child[] = [];
  let haproxy: Haproxy;
  let nginx: Nginx;
  let stats: RecordingSocket;
  let master: RecordingSocket;
  let edge: AgentProcess;
  let crowd: Child;

  /** A web server with its agent. */
  async function node(name: string, host: number, more: Record<string, string> = {}) {
    const web = await WebProcess.start({ name, ip: net(host), port: webPort });
    children.push(web.child);
    const tags = { role: "web", port: String(webPort), zone: "eu-1", ...more };
    const agent = await AgentProcess.start({
      ...{ kind: "gossipd", name, ip: net(host), tags, cwd },
      join: [edge.gossip],
    });
    children.push(agent.child);
    return { web, agent };
  }

  async function order(orders: readonly HostileOrder[]): Promise<void> {
    const before = crowd.said.split("done").length;
    crowd.write(`${JSON.stringify(orders)}\n`);
    await crowd.becomes("did it", () => crowd.said.split("done").length > before);
  }

  function status(): Refused {
    return JSON.parse(readFileSync(join(state, "status.json"), "utf8")) as Refused;
  }

  function refusedBy(name: string): number {
    const { refused = [] } = status().balancers.find((one) => one.name === name) ?? {};
    return refused.length;
  }

  async function served(names: readonly string[], load: Load): Promise<void> {
    const wanted = [...names].sort().join();
    let seen = "";
    await waitUntil(
      `served by ${wanted}`,
      async () => {
        const since = performance.now();
        await load.more(40);
        seen = load.servedBy(since).join();
        return seen === wanted;
      },
      { last: () => [seen, status()] },
    );
  }

  beforeAll(async () => {
    haproxy = await Haproxy.start({ ip: net(1) });
    // Its own file stands there until the template is rendered.
    nginx = await Nginx.start({ ip: net(1) });
    const { folder } = nginx.place;
    const template = join(folder, "nginx.liquid");
    writeFileSync(template, templateOf(nginx.place));
    const sockets = join(haproxy.place.folder, "recorded");
    mkdirSync(sockets);
    stats = await RecordingSocket.open(join(sockets, "stats"), haproxy.place.statsSocket);
    master = await RecordingSocket.open(join(sockets, "master"), haproxy.place.masterSocket);
    const pool = { name: "web", members: "role=web", required_tags: ["zone"] };
    const config = {
      state_dir: state,
      interval: "1s",
      balancers: [
        {
          ...{ name: "edge", kind: "haproxy", config: haproxy.place.config, slots: 8 },
          ...{ socket: join(sockets, "stats"), master_socket: join(sockets, "master") },
          pools: [{ ...pool, server_options: "check" }],
        },
        {
          ...{ name: "inner", kind: "nginx", config: nginx.place.config, template },
          governor: { reload_gap: "1s" },
          pools: [pool],
        },
      ],
    };
    const file = join(folder, "lb.json");
    writeFileSync(file, JSON.stringify(config));
    edge = await AgentProcess.start({
      ...{ kind: "gossipd", name: "edge", ip: net(1), tags: { role: "lb" }, cwd },
      args: [`-lb=${file}`],
    });
    children.push(edge.child);
    const program = join(packageRoot, "dist", "traffic", "hostile-crowd.js");
    crowd = new Child("hostile crowd", [process.execPath, program, edge.gossip], {
      stdin: "pipe",
      cwd,
    });
    children.push(crowd);
  });

  afterAll(async () => {
    await Promise.all(children.map((child) => child.kill()));
    await haproxy?.end();
    await nginx?.end();
    await Promise.all([stats?.end(), master?.end()]);
    for (const folder of [cwd, state]) rmSync(folder, { recursive: true, force: true });
  });

  test(`${count} of them are refused, told of once, and never more than that`, async () => {
    // Hostile where nobody looks: no reason to refuse it.
    const good = await node("web1", 2, { note: 'canary0; "$(id)`{{ x }}\n# gossipd end web' });
    const haproxyWatch = new ConfigWatch(haproxy.place.config);
    const nginxWatch = new ConfigWatch(nginx.place.config, (copy) => [
      "nginx",
      ...["-t", "-q", "-p", nginx.place.folder, "-c", copy],
      ...["-e", join(nginx.place.folder, "check.log")],
    ]);
    const answers = async (port: number): Promise<boolean> => {
      const answer = await fetch(`http://${net(1)}:${port}/`).catch(() => undefined);
      return answer?.headers.get("x-served-by") === "web1";
    };
    await waitUntil(
      "both serve web1",
      async () => (await answers(haproxy.place.port)) && (await answers(nginx.place.port)),
      { last: () => [status(), edge.child.said.slice(-2_000)] },
    );
    const loads = [
      Load.start({
        target: haproxy.target,
        clients: { fresh: 4, kept: 6, post: 4, slow: 2 },
        rate: 100,
      }),
      // Kept connections do not survive every reload of nginx.
      Load.start({ target: nginx.target, clients: { fresh: 6, freshPost: 2 }, rate: 60 }),
    ];
    const all = hostiles(good.web);
    try {
      const began = performance.now();
      for (let at = 0; at < all.length; at += 10) await order(all.slice(at, at + 10));
      await waitUntil(
        "both balancers refuse all of them",
        () => refusedBy("edge") === count && refusedBy("inner") === count,
        { last: () => [status(), edge.child.said.slice(-2_000)] },
      );
      tell(`${count} joined and refused in ${(performance.now() - began).toFixed(0)} ms`);
      // While one joins who is as he should be, others change what they say.
      const joining = node("web2", 3);
      for (let round = 1; round <= size(2, 6); round += 1) {
        await order(
          all.map((one, index) => {
            const token = tokenOf(index);
            const text = texts[(index + round * 11) % texts.length] ?? "";
            const role = { role: "web", zone: "z1" };
            const [port, weight] = [`${text}${token}`, `${token}${text}`];
            return { ...one, tags: round % 2 === 0 ? { ...role, weight } : { ...role, port } };
          }),
        );
      }
      const second = await joining;
      for (const load of loads) await served(["web1", "web2"], load);
      // It has served, and becomes as bad as the others.
      spawnSync(gossipd[0], [
        ...[gossipd[1], "tags", `-rpc-addr=${second.agent.ip}:7373`],
        ...["-set", "port=80;\n    server evil 6.6.6.6:80 # canary9"],
      ]);
      for (const load of loads) await served(["web1"], load);
      await waitUntil("it has been looked at again and again", async () => {
        const { balancers } = JSON.parse(readFileSync(join(state, "status.json"), "utf8")) as {
          balancers: { counters: { passes: number } }[];
        };
        return balancers.every(({ counters }) => counters.passes > 5);
      });
      for (const load of loads) await load.more(100);
    } finally {
      await Promise.all(loads.map((load) => load.stop()));
    }
    for (const load of loads) tell(reportLine(load.report()));
    for (const load of loads) expect(load.report().lost).toEqual([]);

    // Files and sockets: every content was checked, and none has a word of theirs.
    haproxyWatch.end();
    nginxWatch.end();
    for (const watch of [haproxyWatch, nginxWatch]) {
      expect(watch.faults).toEqual([]);
      expect(watch.count).toBeGreaterThan(1);
      for (const text of watch.texts) expect(text).not.toMatch(canary);
      expect(watch.texts.at(-1)).not.toMatch(/evil|6\.6\.6\.6/);
      expect(watch.texts.at(-1)).toContain("web1");
    }
    expect(stats.sent).toMatch(/^set server web\/s02 addr 127\./m);
    for (const socket of [stats, master]) expect(socket.sent).not.toMatch(/canary|evil|6\.6\.6\.6/);
    tell(
      `${haproxyWatch.count} contents of haproxy, ${nginxWatch.count} of nginx, ${stats.sent.length} bytes on the socket`,
    );

    // Names of files.
    expect(readdirSync(cwd)).toEqual([]);
    for (const folder of [state, haproxy.place.folder, nginx.place.folder]) {
      for (const name of filesIn(folder)) {
        expect(name).toMatch(/^[\w./-]+$/);
        expect(name).not.toMatch(/canary|evil/);
      }
    }

    // The log.
    const said = edge.child.said;
    expect(said).not.toMatch(unprintable);
    const lines = said.split("\n").filter((line) => line.includes("member is refused"));
    for (let index = 0; index < count; index += 1) {
      for (const balancer of ["edge", "inner"]) {
        const own = lines.filter(
          (line) => line.includes(tokenOf(index)) && line.includes(`balancer=${balancer} `),
        );
        expect(own, `${balancer}: ${all[index]?.name}`).toHaveLength(1);
      }
    }
    expect(lines).toHaveLength(2 * (count + 1));
    for (const line of lines) expect(line.length).toBeLessThan(700);

    // The status, for people and for programs.
    const args = ["lb", "status", `-rpc-addr=${edge.ip}:7373`];
    const shown = spawnSync(gossipd[0], [gossipd[1], ...args], { encoding: "utf8" });
    expect(shown.stderr).toBe("");
    expect(shown.stdout).not.toMatch(unprintable);
    for (let index = 0; index < count; index += 1) {
      expect(shown.stdout.split("\n").filter((line) => line.includes(tokenOf(index))).length).toBe(
        2,
      );
    }
    for (const { ok, refused } of status().balancers) {
      expect(ok).toBe(true);
      expect(refused).toHaveLength(count + 1);
    }
  });
});
