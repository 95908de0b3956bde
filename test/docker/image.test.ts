import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { waitUntil } from "../traffic/support/waiting.js";
import { buildImage, type Host, Hosts, toolsImage } from "./image/hosts.js";
import { docker, gossipdImage } from "./support/engine.js";
import { note } from "./support/figures.js";

const stack = "image";
const copied = "gossipd-test-image-copied";

let hosts: Hosts;

beforeAll(() => Hosts.prepare());
beforeEach(() => {
  hosts = new Hosts();
});
afterEach(() => hosts.remove());
afterAll(async () => {
  await docker("rmi", copied, toolsImage).catch(() => {});
});

describe("what is in the image", () => {
  test("it is small, not root, and has no tools that built it", async () => {
    const [size, user] = await Promise.all([
      docker("image", "inspect", "-f", "{{.Size}}", gossipdImage),
      docker("image", "inspect", "-f", "{{.Config.User}}", gossipdImage),
    ]);
    const megabytes = Math.round(Number(size) / 1_000_000);
    expect(megabytes).toBeLessThan(200);
    expect(user).toBe("7946:7946");
    const shell = ["--rm", "--entrypoint", "sh", gossipdImage, "-c"];
    const tools = await docker(
      ...["run", ...shell, "for one in npm npx gcc make strip tsc; do command -v $one; done; :"],
    );
    expect(tools).toBe("");
    const licences = await docker("run", ...shell, "ls /usr/local/lib/gossipd/licences");
    expect(licences.split("\n")).toEqual(expect.arrayContaining(["gossipd", "tini"]));
    process.stdout.write(`image: ${megabytes} MB\n`);
  });

  test("one COPY line puts it into another image", async () => {
    await buildImage(copied, [
      "FROM debian:bookworm-slim",
      `COPY --from=${gossipdImage} /usr/local /usr/local`,
      'HEALTHCHECK --interval=1s CMD ["gossipd", "health"]',
      'CMD ["gossipd", "agent"]',
    ]);
    const host = await hosts.start("copied", { image: copied });
    await waitUntil("the engine sees it", async () => (await host.health()) === "healthy");
    const processes = await host.exec("sh", "-c", "cat /proc/1/comm");
    expect(processes).toBe("tini");
  });

  test("it needs neither a writable file system nor a capability", async () => {
    const host = await hosts.start("bare", {
      flags: ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
    });
    await waitUntil("it is well", async () => (await host.tries("gossipd", "health")).isWell);
    expect(await host.exec("id", "-u")).toBe("7946");
  });
});

describe("health", () => {
  test("it follows the state, and a check is quick", async () => {
    const host = await hosts.start("web", { env: { GOSSIPD_TAGS: "role=web,state=starting" } });
    await waitUntil("the agent answers", async () =>
      (await host.tries("gossipd", "health")).said.includes("starting"),
    );
    const starting = await host.tries("gossipd", "health");
    expect(starting.isWell).toBe(false);
    expect(starting.said).toContain("web is not healthy: its state is starting");
    await host.exec("gossipd", "tags", "-set", "state=ready");
    await host.exec("gossipd", "health");
    const times: number[] = [];
    for (let number = 0; number < 5; number += 1) {
      const began = performance.now();
      await host.exec(
        "sh",
        "-c",
        "for one in 1 2 3 4 5; do gossipd health > /dev/null || exit 1; done",
      );
      times.push((performance.now() - began) / 5);
    }
    await waitUntil("the engine sees it", async () => (await host.health()) === "healthy");
    const took = Math.min(...times);
    note({
      stack,
      breaks: "nothing: `gossipd health`",
      happens: "the agent is asked and answers",
      took,
      lost: undefined,
      of: undefined,
    });
    expect(took).toBeLessThan(1_000);
  });

  test("an agent that finds nobody whom it is to join is not well until somebody comes", async () => {
    const network = await hosts.network("join");
    const web = await hosts.start("web", {
      networks: [network],
      env: { GOSSIPD_RETRY_JOIN: "lb", GOSSIPD_RETRY_INTERVAL: "1s" },
    });
    await waitUntil("the agent answers", async () =>
      (await web.tries("gossipd", "health")).said.includes("nobody whom it is to join"),
    );
    await hosts.start("lb", { networks: [network] });
    await waitUntil("it has joined", async () => (await web.tries("gossipd", "health")).isWell);
  });
});

test("all is set by environment, and docker stop is a leave", async () => {
  const network = await hosts.network("env");
  const key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
  const common = { GOSSIPD_ENCRYPT_KEY: key, GOSSIPD_PROFILE: "local" };
  const lb = await hosts.start("lb", {
    networks: [network],
    env: { ...common, GOSSIPD_NODE_NAME: "balancer", GOSSIPD_TAGS: "role=lb" },
  });
  const web = await hosts.start("web", {
    networks: [network],
    env: { ...common, GOSSIPD_TAGS: "role=web,port=8080", GOSSIPD_RETRY_JOIN: "lb" },
  });
  const [lbIp, webIp] = await Promise.all([lb.address(network), web.address(network)]);
  const both = { balancer: `alive ${lbIp}:7946`, web: `alive ${webIp}:7946` };
  await waitUntil("both see both", async () => {
    const views = await Promise.all([lb.members(), web.members()]);
    return views.every((view) => JSON.stringify(view) === JSON.stringify(both));
  });
  expect(await lb.exec("gossipd", "members", "-name=web")).toMatch(/alive\s+port=8080,role=web$/);
  expect(await lb.exec("gossipd", "keys", "-list")).toContain("2/2");
  const began = performance.now();
  await docker("stop", web.name);
  const took = performance.now() - began;
  expect(took).toBeLessThan(8_000);
  await waitUntil("it has left", async () => ((await lb.members()).web ?? "").startsWith("left"));
});

test("of two networks the one is advertised in which the others are", async () => {
  const front = await hosts.network("front");
  const back = await hosts.network("back");
  const lb = await hosts.start("lb", { networks: [back] });
  const env = { GOSSIPD_RETRY_JOIN: "lb" };
  const one = await hosts.start("one", { networks: [front, back], env });
  const other = await hosts.start("other", { networks: [back, front], env });
  const expected = {
    lb: `alive ${await lb.address(back)}:7946`,
    one: `alive ${await one.address(back)}:7946`,
    other: `alive ${await other.address(back)}:7946`,
  };
  await waitUntil("all are there", async () => Object.keys(await lb.members()).length === 3);
  expect(await lb.members()).toEqual(expected);
  expect(await one.logs()).not.toContain("WARN");
});

test("behind address translation it says so once, and where it is seen", async () => {
  const inside = await hosts.network("inside");
  const outside = await hosts.network("outside");
  const lb = await hosts.start("lb", { networks: [outside] });
  const router = await hosts.start("router", {
    networks: [inside, outside],
    image: "debian:bookworm-slim",
    flags: ["--sysctl", "net.ipv4.ip_forward=1"],
    command: ["sleep", "600"],
  });
  const lbIp = await lb.address(outside);
  const routerIp = await router.address(outside);
  const gateway = await router.address(inside);
  await router.change(`iptables -t nat -A POSTROUTING -d ${lbIp} -j MASQUERADE`);
  const env = { GOSSIPD_RETRY_JOIN: lbIp, GOSSIPD_RETRY_INTERVAL: "1s" };
  const web = await hosts.start("web", { networks: [inside], env });
  await web.change(`ip route replace default via ${gateway}`);
  await waitUntil("it warns", async () => (await web.logs()).includes("(NAT)"), {
    timeout: 60_000,
  });
  const webIp = await web.address(inside);
  expect(await web.logs()).toContain(`member=lb advertised=${webIp}:7946 seenAs=${routerIp}`);

  // As it says: an address at which others reach it, with its port led here.
  for (const protocol of ["tcp", "udp"]) {
    await router.change(
      `iptables -t nat -A PREROUTING -d ${routerIp} -p ${protocol} --dport 7946 -j DNAT --to ${webIp}`,
    );
  }
  await docker("rm", "-f", web.name);
  const again = await hosts.start("web", {
    networks: [inside],
    env: { ...env, GOSSIPD_ADVERTISE: routerIp },
  });
  await again.change(`ip route replace default via ${gateway}`);
  await waitUntil("it is there", async () => (await lb.members()).web === `alive ${routerIp}:7946`);
  // So long the first one took at the most until it warned, and more.
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  expect(await again.logs()).not.toContain("(NAT)");
  expect((await lb.members()).web).toBe(`alive ${routerIp}:7946`);
});

describe("UDP that is let through in one direction only", () => {
  test.for([
    ["in", "INPUT", "datagrams of another member do not arrive here"],
    ["out", "OUTPUT", "datagrams of this agent do not reach another member"],
  ] as const)("none comes %s", async ([, chain, words]) => {
    const network = await hosts.network("udp");
    const lb = await hosts.start("lb", { networks: [network] });
    const web = await hosts.start("web", {
      networks: [network],
      env: { GOSSIPD_RETRY_JOIN: "lb", GOSSIPD_RETRY_INTERVAL: "1s" },
    });
    const end = chain === "INPUT" ? "-s" : "-d";
    const lbIp = await lb.address(network);
    await web.change(`iptables -A ${chain} ${end} ${lbIp} -p udp -j DROP`);
    await waitUntil("it warns", async () => (await web.logs()).includes(words));
    const warnings = (await web.logs()).split("\n").filter((line) => line.includes(words));
    expect(warnings).toHaveLength(1);
  });
});

test("beside a real Serf agent the way is found, and UDP that does not come is told", async () => {
  const front = await hosts.network("front");
  const back = await hosts.network("back");
  const lb = await hosts.start("lb", {
    networks: [back],
    image: toolsImage,
    command: ["serf", "agent", "-node=lb", "-bind=0.0.0.0"],
  });
  const web = await hosts.start("web", {
    networks: [front, back],
    env: { GOSSIPD_RETRY_JOIN: "lb", GOSSIPD_RETRY_INTERVAL: "1s" },
  });
  const [lbIp, webIp] = await Promise.all([lb.address(back), web.address(back)]);
  const both = { lb: `alive ${lbIp}:7946`, web: `alive ${webIp}:7946` };
  await waitUntil("it is there", async () => Object.keys(await web.members()).length === 2);
  expect(await web.members()).toEqual(both);
  expect(await lb.exec("serf", "members")).toMatch(new RegExp(`web +${webIp}:7946 +alive`));
  expect((await web.tries("gossipd", "health")).said).toBe("web is healthy: 2 members alive");
  await web.change(`iptables -A INPUT -s ${lbIp} -p udp -j DROP`);
  const words = "datagrams of another member do not arrive here";
  await waitUntil("it warns", async () => (await web.logs()).includes(words));
});

test("pods as the manifest for Kubernetes has them join, become ready and leave", async () => {
  const network = await hosts.network("pods");
  const { command, env } = manifestContainer();
  // In the place of the application: it takes a while until it listens.
  const server = "require('http').createServer((_, answer) => answer.end()).listen(8080)";
  const application = [
    "/usr/local/lib/gossipd/node",
    "-e",
    `setTimeout(() => { ${server} }, 2000)`,
  ];
  const names = ["web-a", "web-b", "web-c"];
  const key = { GOSSIPD_ENCRYPT_KEY: "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" };
  const pods = await Promise.all(
    names.map((name) =>
      hosts.start(name, {
        networks: [network],
        env: { ...env, ...key, GOSSIPD_NODE_NAME: name },
        flags: [
          ...["--network-alias", "gossip", "--entrypoint", command[0] ?? ""],
          ...["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
        ],
        command: [...command.slice(1), ...application],
      }),
    ),
  );
  const [first, second] = pods as [Host, Host, Host];
  await waitUntil("it waits for the application", async () =>
    (await first.tries("gossipd", "health", "-ready")).said.includes("state is starting"),
  );
  await waitUntil("all are ready", async () => {
    const checks = pods.map((pod) => pod.tries("gossipd", "health", "-ready"));
    return (await Promise.all(checks)).every(({ isWell }) => isWell);
  });
  expect(Object.keys(await first.members())).toEqual(names);
  await first.exec("gossipd", "maint", "web-b");
  const maintained = await second.tries("gossipd", "health", "-ready");
  expect(maintained.said).toContain("web-b is not ready: its state is maint");
  expect((await second.tries("gossipd", "health")).isWell).toBe(true);
  const began = performance.now();
  await docker("stop", second.name);
  expect(performance.now() - began).toBeLessThan(8_000);
  await waitUntil("it has left", async () =>
    ((await first.members())["web-b"] ?? "").startsWith("left"),
  );
});

/** Command and plain variables of the pods in the manifest. */
function manifestContainer(): { command: readonly string[]; env: Record<string, string> } {
  const text = readFileSync(
    new URL("../../docker/kubernetes/gossipd.yaml", import.meta.url),
    "utf8",
  );
  const deployment = parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest)
    .find(({ kind }) => kind === "Deployment");
  const [container] = deployment?.spec.template.spec.containers ?? [];
  if (container === undefined) throw new Error("the manifest has no pods");
  const plain = container.env.flatMap(({ name, value }) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return { command: container.command, env: Object.fromEntries(plain) };
}

/** What is read of the manifest. */
interface Manifest {
  readonly kind: string;
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly command: readonly string[];
          readonly env: readonly { readonly name: string; readonly value?: string }[];
        }[];
      };
    };
  };
}
