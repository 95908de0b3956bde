import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Load } from "../traffic/support/load-client.js";
import { waitUntil } from "../traffic/support/waiting.js";
import { commandsOf, diagnose, wordsOf } from "./cache/doctor.js";
import { docker } from "./support/engine.js";
import { note } from "./support/figures.js";
import { Project } from "./support/project.js";

const project = new Project({ stack: "cache" });
const nodes = ["cache1", "cache2", "cache3", "cache4"];

/** What each node lacks, and the remedy, as it is told in its own container. */
const mistakes: Readonly<Record<string, readonly string[]>> = {
  cache1: [
    "program /opt/cache/sbin/cache_server\nthere is no such file",
    "mkdir -p /opt/cache/sbin && cp /opt/cache/bin/cache_server /opt/cache/sbin/cache_server",
  ],
  cache2: [
    "--config /opt/cache/config/cache_config.yaml\nthere is no such file",
    "cp /opt/cache/config/node2.yaml /opt/cache/config/cache_config.yaml",
  ],
  cache3: [
    "--data-dir /var/lib/cache/node3/data\nthere is no such folder",
    "mkdir -p /var/lib/cache/node3/data",
    "there is no folder /var/lib/cache/node3/wal",
    "mkdir -p /var/lib/cache/node3/wal",
  ],
  cache4: [
    "listens on port 9084, but its check -check-tcp 127.0.0.1:8084 and the tag port=8084",
    "line 3 of /opt/cache/config/node4.yaml says listen_port: 9084",
    "sed -i '3s/9084/8084/' /opt/cache/config/node4.yaml",
  ],
};

let host = "";

beforeAll(async () => {
  await project.up();
  host = await project.address(await project.container("balancer"));
  await waitUntil("all know each other, and none is ready", async () => {
    // The balancer's agent may not take commands yet.
    const known = await states().catch(() => []);
    return known.join() === "starting,starting,starting,starting";
  });
});

afterAll(async () => {
  await project.down();
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") process.stderr.write(await project.logs(20));
});

/** The tag `state` of each node that is alive, as the balancer knows it. */
async function states(): Promise<readonly string[]> {
  const command = "gossipd members -status alive -tag role=cache -format json";
  const { members } = JSON.parse(await project.exec("balancer", command)) as {
    readonly members: readonly { readonly tags: Readonly<Record<string, string>> }[] | null;
  };
  return (members ?? []).map(({ tags }) => tags.state ?? "");
}

async function isReady(): Promise<boolean> {
  return (await states()).join() === "ready,ready,ready,ready";
}

function get(path = "/"): Promise<Response> {
  return fetch(`http://${host}:8080${path}`, { headers: { connection: "close" } });
}

/** Of an answer; 0 if the connection was cut, as of a request that a node took with it. */
async function status(): Promise<number> {
  const response = await get().catch(() => undefined);
  await response?.text();
  return response?.status ?? 0;
}

/** The service whose node answers `/`. */
async function answering(): Promise<string> {
  const node = (await get()).headers.get("x-served-by") ?? "";
  return node.replace("node", "cache");
}

/** The process of a node's program; empty if it does not run. */
async function programOf(service: string): Promise<string> {
  const look = "tr '\\0' ' ' < $p/cmdline | grep -q '^node /opt/cache' && basename $p";
  return (await project.exec(service, `for p in /proc/[0-9]*; do ${look}; done; true`)).trim();
}

function load(): Load {
  return Load.start({
    target: { host, port: 8080 },
    clients: { fresh: 4, kept: 4 },
    rate: 100,
  });
}

test("at birth all answers are 503, and say how to learn why", async () => {
  for (const response of [await get(), await fetch("http://127.0.0.1:8090/")]) {
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.text()).toContain("docker compose exec balancer gossipd doctor");
  }
});

test("in the balancer's container the doctor names what each node lacks, and the remedy", async () => {
  await waitUntil("the node with the wrong port listens", async () =>
    (await diagnose(project, "cache4")).faults.some((one) => /9084/.test(one.found)),
  );
  const began = performance.now();
  const { exitCode, faults } = await diagnose(project, "balancer");
  const took = performance.now() - began;
  expect(exitCode).toBe(1);
  const said = faults.map(wordsOf).join("\n\n");
  for (const [service, words] of Object.entries(mistakes)) {
    for (const word of words) {
      const where = word.startsWith("mkdir") || /^(cp|sed) /.test(word) ? `on ${service}: ` : "";
      expect(said).toContain(`${where}${word}`);
    }
  }
  expect(said).toContain("HAProxy answers 503");
  expect(said).toContain("no member of it is ready: cache1 is starting");
  note({
    stack: "cache",
    breaks: "all nodes, each in its own way",
    happens: "503, and the doctor at the balancer names each cause and remedy",
    took,
    lost: undefined,
    of: undefined,
  });
});

test.for(nodes)("in the container of %s it names what that lacks", async (service) => {
  const { exitCode, faults } = await diagnose(project, service);
  expect(exitCode).toBe(1);
  const said = faults.map(wordsOf).join("\n\n");
  for (const word of mistakes[service] ?? []) expect(said).toContain(word);
});

test("who types the remedies has a stack that is well, by itself", async () => {
  const { faults } = await diagnose(project, "balancer");
  const commands = commandsOf(faults);
  expect(new Set(commands.map(({ service }) => service))).toEqual(new Set(nodes));
  const began = performance.now();
  for (const { command, service } of commands) await project.exec(service, command);
  await waitUntil("the first answer", async () => (await status()) === 200, { every: 100 });
  const first = performance.now() - began;
  await waitUntil("all nodes are ready", isReady, { every: 250 });
  const took = performance.now() - began;
  note({
    stack: "cache",
    breaks: "nothing any more: the remedies are typed",
    happens: `the first answer after ${(first / 1_000).toFixed(1)} s, then all nodes serve`,
    took,
    lost: undefined,
    of: undefined,
  });
  await waitUntil("the doctor finds no fault", async () => {
    return (await diagnose(project, "balancer")).exitCode === 0;
  });
});

test("keys stay with their nodes, and all nodes have some", async () => {
  const homes = new Map<string, string>();
  for (let key = 0; key < 40; key += 1) {
    const url = `http://${host}:8080/key/${key}`;
    const put = await fetch(url, { method: "PUT", body: `value ${key}` });
    expect(put.status).toBe(201);
    homes.set(`/key/${key}`, put.headers.get("x-served-by") ?? "");
  }
  expect([...new Set(homes.values())].sort()).toEqual(["node1", "node2", "node3", "node4"]);
  for (const [path, home] of homes) {
    const response = await get(path);
    expect([response.headers.get("x-served-by"), await response.text()]).toEqual([
      home,
      `value ${path.slice(5)}`,
    ]);
  }
});

test("a node that is restarted loses no request, and neither what was mended nor its values", async () => {
  const service = await answering();
  const container = await project.container(service);
  const words = await (await get()).text();
  const requests = load();
  await requests.more(100);
  const began = performance.now();
  await docker("restart", container);
  await waitUntil("it is ready again", isReady);
  const took = performance.now() - began;
  await requests.more(100);
  const report = await requests.stop();
  expect(report.losses).toEqual({});
  const own = `http://${await project.address(container)}:${service.replace("cache", "808")}/`;
  expect(await (await fetch(own)).text()).toBe(words);
  note({
    stack: "cache",
    breaks: "a node is restarted",
    happens: "its keys are served elsewhere; it comes back with its values",
    took,
    lost: report.lost.length,
    of: report.total,
  });
});

test("a program that is killed is started again", async () => {
  const service = await answering();
  const requests = load();
  await requests.more(100);
  const began = performance.now();
  const before = await programOf(service);
  await project.exec(service, `kill -9 ${before}`);
  await waitUntil("it runs again", async () => {
    const now = await programOf(service);
    return now !== "" && now !== before;
  });
  await waitUntil("all are ready again", isReady);
  const took = performance.now() - began;
  await requests.more(100);
  const report = await requests.stop();
  expect(report.lost.length).toBeLessThan(report.total / 10);
  note({
    stack: "cache",
    breaks: "the program of a node is killed",
    happens: "it is started again",
    took,
    lost: report.lost.length,
    of: report.total,
  });
});

test("nodes that are all killed are named, and served again when they are back", async () => {
  const containers = await Promise.all(nodes.map((service) => project.container(service)));
  const began = performance.now();
  await docker("kill", ...containers);
  await waitUntil("answers are 503", async () => (await status()) === 503, { every: 50 });
  const took = performance.now() - began;
  await waitUntil("the balancer knows", async () => (await states()).length === 0);
  const said = (await diagnose(project, "balancer")).faults.map(wordsOf).join("\n\n");
  for (const service of nodes) expect(said).toContain(`${service} is failed`);
  expect(said).toContain("start them again: docker start");
  await docker("start", ...containers);
  await waitUntil("all nodes are ready", isReady, { every: 250 });
  await waitUntil("an answer", async () => (await status()) === 200, { every: 100 });
  note({
    stack: "cache",
    breaks: "all nodes are killed",
    happens: "503; the doctor says that they are gone, and how to start them",
    took,
    lost: undefined,
    of: undefined,
  });
});
