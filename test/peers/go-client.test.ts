import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Agent, type Kind, loopbackNet } from "../support/agents.js";
import { findProgram, missingPrograms } from "../support/programs.js";

const run = promisify(execFile);

/** Where Debian's golang-github-hashicorp-serf-dev puts the sources of Serf's own client. */
const goPath = "/usr/share/gocode";
const clientPackage = `${goPath}/src/github.com/hashicorp/serf/client`;
const source = fileURLToPath(new URL("go-client", import.meta.url));

const firstKey = "MDEyMzQ1Njc4OWFiY2RlZg==";
const secondKey = "ZmVkY2JhOTg3NjU0MzIxMA==";

interface Outcome {
  readonly call: string;
  readonly value: unknown;
  readonly error: string;
}

/** Where we answer otherwise than Serf, on purpose. */
const better: Readonly<Record<string, Outcome>> = {
  // Serf closes the connection without a word; ours says what is wrong with the pattern.
  "MembersFiltered by what is no pattern": {
    call: "MembersFiltered by what is no pattern",
    value: null,
    error: expect.stringContaining("Failed to compile regex"),
  },
  // Serf does not tell the only other member that it is to have left; ours does, and it denies it.
  "Members after ForceLeave": {
    call: "Members after ForceLeave",
    value: { main: "alive", peer: "alive" },
    error: "",
  },
};

function missing(): boolean {
  if (missingPrograms("serf", "go").length > 0) return true;
  if (existsSync(clientPackage)) return false;
  if (process.env.CI === "true") throw new Error(`not installed: ${clientPackage}`);
  process.stderr.write(`SKIPPED: not installed: ${clientPackage}\n`);
  return true;
}

describe.skipIf(missing())("Serf's own client package", () => {
  const folder = mkdtempSync(join(tmpdir(), "gossipd-go-"));
  const program = join(folder, "go-client");
  const agents: Agent[] = [];
  const outcomes = new Map<Kind, Outcome[]>();

  /** Runs the program against two agents of one kind; the addresses in what it prints are made alike. */
  async function ask(kind: Kind): Promise<number | null> {
    const ip = loopbackNet();
    const config = join(folder, `${kind}.json`);
    writeFileSync(config, JSON.stringify({ rpc_auth: "secret" }));
    const encrypt = `-encrypt=${firstKey}`;
    const [main, peer] = await Promise.all([
      Agent.start({
        kind,
        name: "main",
        ip: ip(1),
        args: [encrypt, `-config-file=${config}`],
      }),
      Agent.start({ kind, name: "peer", ip: ip(2), args: [encrypt] }),
    ]);
    agents.push(main, peer);
    const { stdout } = await run(program, [
      `-main=${main.rpc}`,
      `-peer=${peer.rpc}`,
      `-peer-gossip=${peer.gossip}`,
      `-nobody=${ip(3)}:7946`,
      "-token=secret",
      `-first=${firstKey}`,
      `-second=${secondKey}`,
      `-contradicted=${kind === "serf" ? "leaving" : "alive"}`,
    ]);
    const alike = stdout.replaceAll(ip(0).slice(0, -1), "127.0.0.");
    const lines = alike.trimEnd().split("\n");
    outcomes.set(
      kind,
      lines.map((line) => JSON.parse(line) as Outcome),
    );
    return await main.exited;
  }

  /** Serf's client may crash of itself: it closes the channel of a stream under who is just writing to it. */
  async function askPatiently(kind: Kind): Promise<number | null> {
    try {
      return await ask(kind);
    } catch (error) {
      if (!String(error).includes("panic: send on closed channel")) throw error;
      return await ask(kind);
    }
  }

  beforeAll(async () => {
    await run(findProgram("go") as string, ["build", "-o", program, "."], {
      cwd: source,
      env: {
        ...process.env,
        GO111MODULE: "off",
        GOPATH: goPath,
        GOFLAGS: "",
        GOCACHE: join(folder, "cache"),
      },
    });
    const exits = await Promise.all([askPatiently("serf"), askPatiently("gossipd")]);
    expect(exits).toEqual([0, 0]);
  }, 180_000);

  afterAll(async () => {
    for (const agent of agents) await agent.end();
    rmSync(folder, { recursive: true, force: true });
  });

  test("every call has the outcome that it has with a Serf agent", () => {
    const expected = (outcomes.get("serf") as Outcome[]).map(
      (outcome) => better[outcome.call] ?? outcome,
    );
    expect(outcomes.get("gossipd")).toEqual(expected);
  });
});
