import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { environmentLayer } from "../../src/agent/environment-layer.js";
import { isUnknownVariable } from "../../src/agent/variables.js";
import { parseArguments } from "../../src/cli/argv.js";
import { registry } from "../../src/cli/registry.js";
import { missingPrograms } from "../support/programs.js";
import { tempDir } from "./temp-dir.js";

const docker = new URL("../../docker/", import.meta.url);

function text(path: string): string {
  return readFileSync(new URL(path, docker), "utf8");
}

/** Throws unless it is a command line that the program takes. */
async function checkCommand([program, name, ...rest]: readonly string[]): Promise<void> {
  expect(program).toBe("gossipd");
  const command = await registry.find((one) => one.name === name)?.load();
  if (command === undefined) throw new Error(`no command ${name}`);
  parseArguments(command.options, rest.at(-1) === "--" ? rest.slice(0, -1) : rest);
}

/** A value as deep in a document as `path` says. */
function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (part, key) => (part as Record<string | number, unknown> | undefined)?.[key],
    value,
  );
}

describe("the manifest for Kubernetes", () => {
  const documents = parseAllDocuments(text("kubernetes/gossipd.yaml"), { strict: true });
  const objects = documents.map((document) => document.toJS() as unknown);
  const find = (kind: string, name: string): unknown =>
    objects.find((one) => at(one, "kind") === kind && at(one, "metadata", "name") === name);
  const pod = at(find("Deployment", "web"), "spec", "template");
  const container = at(pod, "spec", "containers", 0);
  const environment = (at(container, "env") as { name: string; value?: string }[]).map(
    ({ name, value = "" }) => [name, value] as const,
  );

  test("it is YAML without errors and warnings", () => {
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
    expect(objects.map((one) => at(one, "kind"))).toEqual([
      "Service",
      "Deployment",
      "Service",
      "PodDisruptionBudget",
      "NetworkPolicy",
    ]);
  });

  test("the seed is the name of all members, those too that are not ready", () => {
    const seed = find("Service", "gossip");
    expect(at(seed, "spec", "clusterIP")).toBe("None");
    expect(at(seed, "spec", "publishNotReadyAddresses")).toBe(true);
    expect(at(pod, "metadata", "labels")).toMatchObject(at(seed, "spec", "selector") as object);
    expect(Object.fromEntries(environment).GOSSIPD_RETRY_JOIN).toBe("gossip");
  });

  test("its variables are ones that gossipd knows and can read", () => {
    for (const [name] of environment)
      expect([name, isUnknownVariable(name, "x")]).toEqual([name, false]);
    const faults: string[] = [];
    environmentLayer(Object.fromEntries(environment), ({ message }) => void faults.push(message));
    expect(faults).toEqual([]);
  });

  test("its command lines are ones that gossipd takes", async () => {
    await checkCommand(at(container, "command") as string[]);
    await checkCommand(at(container, "readinessProbe", "exec", "command") as string[]);
  });

  test("gossip passes over TCP and UDP, and so does what the Service serves", () => {
    const rules = at(find("NetworkPolicy", "gossip"), "spec", "ingress");
    const ports = at(rules, 0, "ports") as { port: number; protocol: string }[];
    expect(ports).toEqual([
      { port: 7946, protocol: "TCP" },
      { port: 7946, protocol: "UDP" },
    ]);
    const served = at(find("Service", "web"), "spec", "ports", 0, "targetPort");
    expect(at(rules, 1, "ports", 0, "port")).toBe(served);
    const open = at(container, "ports") as { name: string }[];
    expect(open.map(({ name }) => name)).toContain(served);
  });

  test("a stop has time for drain, application and leave", () => {
    expect(at(pod, "spec", "terminationGracePeriodSeconds")).toBeGreaterThan(15);
  });
});

describe("the unit for systemd", () => {
  const unit = text("systemd/gossipd.service");
  const values = (key: string): string[] =>
    [...unit.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value = ""]) => value);

  test("its command and variables are ones that gossipd knows", async () => {
    const [start = ""] = values("ExecStart");
    await checkCommand(start.replace("/usr/local/bin/", "").split(" "));
    for (const variable of values("Environment")) {
      const [name = ""] = variable.split("=");
      expect([name, isUnknownVariable(name, "x")]).toEqual([name, false]);
    }
  });

  test.skipIf(missingPrograms("systemd-analyze").length > 0)(
    "systemd has nothing to object to, and calls its exposure OK",
    () => {
      const path = join(tempDir(), "gossipd.service");
      // That program need not be installed where this runs.
      writeFileSync(path, unit.replace("/usr/local/bin/gossipd", "/bin/true"));
      const analyze = (...args: string[]): string =>
        execFileSync("systemd-analyze", [...args, path], { encoding: "utf8", stdio: "pipe" });
      expect(analyze("verify")).toBe("");
      // Fails above a threshold of 2.5 of 10.
      analyze("security", "--offline=true", "--no-pager", "--threshold=25");
    },
  );
});
