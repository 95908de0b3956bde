import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { embed, freshIp } from "./embedding.js";

const root = new URL("../../", import.meta.url);

/** The programs under "As a library" in the README, in order. */
function examples(): readonly string[] {
  const readme = readFileSync(new URL("README.md", root), "utf8");
  const [, section = ""] = /^## As a library\n(.*?)^## /ms.exec(readme) ?? [];
  return Array.from(section.matchAll(/^```js\n(.*?)^```$/gms), ([, program]) => program as string);
}

/** Runs `program` where the name of this package means this package, and waits for its own end. */
async function run(program: string): Promise<{ code: number | null; lines: string[] }> {
  const node = spawn(process.execPath, ["--input-type=module"], { cwd: root });
  let output = "";
  for (const stream of [node.stdout, node.stderr]) {
    stream.on("data", (part) => {
      output += part;
    });
  }
  node.stdin.end(program);
  const [code] = (await once(node, "close")) as [number | null];
  return { code, lines: output.trimEnd().split("\n").sort() };
}

test("the README's two members find each other, tell, ask, and leave", async () => {
  expect(await run(examples()[0] as string)).toEqual({
    code: 0,
    lines: ["lb is at 127.0.0.1", "load of web1: 0.7", "web1 deploys v2", "web1 is at 127.0.0.1"],
  });
});

test("the README's client lists the members of an agent", async () => {
  const { rpcAddress, self } = await embed({ rpcAddr: `${freshIp()}:0`, tags: { role: "web" } });
  const program = (examples()[1] as string).replace("127.0.0.1:7373", rpcAddress as string);
  expect(await run(program)).toEqual({ code: 0, lines: [`${self.name} ${self.address} web`] });
});
