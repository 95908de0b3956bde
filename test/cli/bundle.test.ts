import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { registry } from "../../src/cli/registry.js";

const folder = new URL("../../dist/bundle/cli/", import.meta.url);

/** What Node loads before `entry` runs: our files and packages, without what is loaded on demand. */
function loadedBy(entry: string): Set<string> {
  const loaded = new Set<string>();
  const queue = [entry];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (loaded.has(file)) continue;
    loaded.add(file);
    const text = readFileSync(new URL(file, folder), "utf8");
    for (const [, source] of text.matchAll(/^ *\/\/ ((?:src|node_modules)\/\S+)$/gm)) {
      loaded.add((source as string).replace("node_modules/", ""));
    }
    for (const [, path] of text.matchAll(/^(?:import|export) [^;]*?"([^"]+)";$/gm)) {
      if (path?.startsWith("./")) queue.push(path.slice(2));
      else loaded.add(path as string);
    }
  }
  return loaded;
}

const clients = registry
  .map(({ name }) => name)
  .filter((name) => !["agent", "config", "completion", "doctor", "run"].includes(name));

test.for(clients)("%s loads neither the agent, nor the core, nor the logger", (name) => {
  const entry = readdirSync(folder).find((file) => file.replace(/-[^-]+\.js$/, "") === name);
  const loaded = [...loadedBy("main.js"), ...loadedBy(entry as string)];
  expect(loaded).toContain(`src/cli/commands/${name}.ts`);
  if (!["keygen", "simulate", "version"].includes(name)) {
    expect(loaded.filter((file) => file.startsWith("msgpackr/"))).not.toEqual([]);
  }
  const foreign =
    /^src\/(agent|wire|swim|serf|sim)\/|^(uplot|pino|re2js|leven|commander|multicast-dns)/;
  expect(loaded.filter((file) => foreign.test(file))).toEqual([]);
});

test("the simulator and its plots are in files of their own, which no command loads", () => {
  const texts = readdirSync(folder).map((file) => readFileSync(new URL(file, folder), "utf8"));
  expect(texts.filter((text) => /^ *\/\/ (src\/sim\/|node_modules\/uplot)/m.test(text))).toEqual(
    [],
  );
});

test.for(["agent", "config"])(
  "%s loads nothing of the load balancer before it is needed",
  (name) => {
    const entry = readdirSync(folder).find((file) => file.replace(/-[^-]+\.js$/, "") === name);
    const loaded = [...loadedBy("main.js"), ...loadedBy(entry as string)];
    expect(loaded).toContain("src/agent/lb-config.ts");
    expect(loaded.filter((file) => /^(src\/lb|liquidjs|diff)\//.test(file))).toEqual([]);
  },
);

test.for(["agent", "doctor"])("%s loads nothing of what runs applications", (name) => {
  const entry = readdirSync(folder).find((file) => file.replace(/-[^-]+\.js$/, "") === name);
  const loaded = [...loadedBy("main.js"), ...loadedBy(entry as string)];
  expect(
    loaded.filter((file) => /^src\/supervise\/(application|ask|guard|supervisor)\.ts/.test(file)),
  ).toEqual([]);
});

test("the agent loads nothing of Prometheus before it is asked for", () => {
  const entry = readdirSync(folder).find((file) => file.replace(/-[^-]+\.js$/, "") === "agent");
  const loaded = [...loadedBy("main.js"), ...loadedBy(entry as string)];
  expect(loaded.filter((file) => /^prom-client|^src\/agent\/prometheus/.test(file))).toEqual([]);
});

test("of prom-client only what is used is in the bundle", () => {
  const texts = readdirSync(folder).map((file) => readFileSync(new URL(file, folder), "utf8"));
  const metrics = texts.filter((text) => text.includes("// node_modules/prom-client/"));
  expect(metrics.length).toBe(1);
  expect(metrics[0]).not.toMatch(/\/\/ node_modules\/(@opentelemetry|tdigest|bintrees)\//);
});

test("an agent loads nothing of HTTP, its page and metrics before it is told to serve them", () => {
  const entry = readdirSync(folder).find((file) => file.replace(/-[^-]+\.js$/, "") === "agent");
  const loaded = [...loadedBy("main.js"), ...loadedBy(entry as string)];
  expect(loaded).toContain("src/agent/http-service.ts");
  const foreign = /^(src\/(http|agent\/prometheus)|hono|@hono|prom-client|preact)\//;
  expect(loaded.filter((file) => foreign.test(file))).toEqual([]);
});

test("nothing of what answers HTTP requests is loaded before the first one comes", () => {
  const entry = readdirSync(folder).find(
    (file) =>
      /^server-/.test(file) &&
      readFileSync(new URL(file, folder), "utf8").includes("// src/http/server.ts"),
  );
  const loaded = [...loadedBy(entry as string)];
  expect(loaded).toContain("src/http/server.ts");
  const foreign = /^(src\/http\/app\.ts|hono|@hono|prom-client|node:http2)/;
  expect(loaded.filter((file) => foreign.test(file))).toEqual([]);
});
