import { describe, expect, test } from "vitest";
import { Sandbox, shells } from "./sandbox.js";

/** A line of `show stat`, as far as it is read. */
const stat = (server: string, inUse: number, status: string): string =>
  ["web", server, "0", "0", String(inUse), ...Array(12).fill(""), status].join(",");

const header = "# pxname,svname,qcur,qmax,scur,smax";
const noWorkers = "# workers\n12 worker 1 0 2d 2.6\n# old workers\n# programs\n";

describe.for(shells)("lb-drained.sh in $name", (shell) => {
  /** Asked for a node, where the sockets of HAProxy say this. */
  async function ask(node: string, stats: readonly string[], proc = noWorkers) {
    const box = new Sandbox(shell);
    box.write("stat", stats.join("\n"));
    box.write("proc", proc);
    box.script("bin/socat", 'case $4 in *admin*) cat "$DIR/stat" ;; *) cat "$DIR/proc" ;; esac');
    return await box.run("lb-drained.sh", { DIR: box.dir }, `${node}\n`);
  }

  const line = (state: string, inUse: number): string =>
    `{"balancer":"haproxy","node":"web1","state":"${state}","inUse":${inUse}}\n`;

  test.for([
    { what: "gets requests", stats: [header, stat("web1", 2, "UP")], is: line("serving", 2) },
    { what: "may get some", stats: [header, stat("web1", 0, "no check")], is: line("serving", 0) },
    {
      what: "is in two pools",
      stats: [header, stat("web1", 1, "MAINT"), stat("web1", 1, "UP")],
      is: line("serving", 2),
    },
    { what: "drains", stats: [header, stat("web1", 3, "DRAIN")], is: line("draining", 3) },
    { what: "has drained", stats: [header, stat("web1", 0, "MAINT")], is: line("out", 0) },
    { what: "is not there", stats: [header, stat("web10", 5, "UP")], is: line("out", 0) },
    {
      what: "is still served by a process of before the reload",
      stats: [header],
      proc: "# workers\n12 worker 1 0 2d 2.6\n# old workers\n11 worker 2 1 3d 2.6\n",
      is: line("draining", 1),
    },
    { what: "is at a proxy that cannot be asked", stats: [], is: line("unknown", 0) },
  ])("a node that $what: $is", async ({ is, proc, stats }) => {
    expect(await ask("web1", stats, proc)).toEqual({ status: 0, stdout: is, stderr: "" });
  });

  test("a name that cannot be a server gets no answer", async () => {
    for (const name of ['web1"', "we b", "$(id)", "a,b"]) {
      expect(await ask(name, [header])).toMatchObject({ status: 1, stdout: "" });
    }
  });
});
