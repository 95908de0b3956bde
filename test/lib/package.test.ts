import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "gossipd-consumer-"));
/** Here is the package alone, here also what it depends on. */
const [alone, installed] = [join(folder, "alone"), join(folder, "installed")] as const;
let files: readonly string[];

function run(where: string, program: string, ...args: string[]): SpawnSyncReturns<string> {
  return spawnSync(program, args, { cwd: where, encoding: "utf8", timeout: 60_000 });
}

beforeAll(() => {
  const pack = ["pack", root, "--json", "--ignore-scripts", "--loglevel=error"];
  const [packed] = JSON.parse(run(folder, "npm", ...pack).stdout) as [
    { filename: string; files: { path: string }[] },
  ];
  files = packed.files.map(({ path }) => path);
  for (const where of [alone, installed]) {
    const target = join(where, "node_modules/gossipd");
    mkdirSync(target, { recursive: true });
    run(folder, "tar", "-xzf", packed.filename, "-C", target, "--strip-components=1");
    writeFileSync(join(where, "package.json"), '{"type":"module"}');
  }
  for (const name of Object.keys(manifest.dependencies)) {
    symlinkSync(join(root, "node_modules", name), join(installed, "node_modules", name));
  }
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true }));

test("the package holds programs, declarations, handlers, monitoring, README and licences alone", () => {
  const wanted =
    /^(?:LICENSE|README\.md|package\.json|bin\/gossipd\.js|handlers\/(?:lb\/)?[\w-]+\.(?:sh|cfg|conf|json|md)|docker\/monitoring\/[\w.]+\.(?:json|md|sh|yml)|dist\/bundle\/THIRD-PARTY\.txt|dist\/bundle\/(?:cli|lib)\/[\w.-]+\.js|dist\/bundle\/simulate\/worker\.js|dist\/bundle\/simulate-page\/page\.(?:css|js)|dist\/bundle\/page\/page\.html|dist\/bundle\/(?:lib|base)\/[\w-]+\.d\.ts)$/;
  expect(files.filter((path) => !wanted.test(path))).toEqual([]);
  expect(files).toEqual(
    expect.arrayContaining([
      "LICENSE",
      "README.md",
      "handlers/haproxy.sh",
      "docker/monitoring/alerts.yml",
    ]),
  );
});

test("a strict program compiles against it, without the types of Node.js, and runs", () => {
  cpSync(join(root, "test/lib/consumer/program.ts"), join(installed, "program.ts"));
  const compilerOptions = {
    target: "es2022",
    lib: ["es2022"],
    module: "nodenext",
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
  };
  writeFileSync(join(installed, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  for (const args of [[compiler], ["program.js"]]) {
    const { stdout, stderr, status } = run(installed, process.execPath, ...args);
    expect({ stdout, stderr, status }).toEqual({ stdout: "", stderr: "", status: 0 });
  }
}, 60_000);

test("importing it prints nothing, listens to nothing, needs no other package and keeps nothing running", () => {
  const program = `
    const before = String(process.eventNames());
    const { Agent, KeyError, OperatorError, RpcClient, ...others } = await import("gossipd");
    const unchanged = String(process.eventNames()) === before;
    process.once("beforeExit", () => {
      const open = process.getActiveResourcesInfo().filter((name) => name !== "PipeWrap");
      console.log(typeof Agent.start, typeof RpcClient.connect, others, unchanged, open);
    });
  `;
  const { stdout, stderr } = run(alone, process.execPath, "--input-type=module", "-e", program);
  expect(stdout + stderr).toBe("function function {} true []\n");
});

test("its program runs from where it is installed", () => {
  const program = join(installed, "node_modules/gossipd", manifest.bin.gossipd);
  expect(run(installed, process.execPath, program, "version").stdout).toContain(manifest.version);
  expect(run(installed, process.execPath, program, "agent", "-profile=moon").stdout).toContain(
    "Unknown profile: moon",
  );
});
