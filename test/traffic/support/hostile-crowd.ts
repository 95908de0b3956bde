import { createInterface } from "node:readline";
import { Agent } from "#lib/index.js";

/**
 * The process `hostile-crowd.js JOIN`: members that say whatever they are told to, many in one process.
 * Orders come on stdin, one JSON list per line: of `{name, bind, tags}`, each of which becomes a member,
 * or changes its tags if it is one. When all is done it says `done`.
 */
const [join = ""] = process.argv.slice(2);
/** So many changes at once take their time, ms. */
const broadcastTimeout = 60_000;
const members = new Map<string, Agent>();

export interface HostileOrder {
  readonly name: string;
  readonly bind: string;
  readonly tags: Readonly<Record<string, string>>;
}

async function carryOut({ name, bind, tags }: HostileOrder): Promise<void> {
  const present = members.get(name);
  if (present !== undefined) {
    const gone = Object.keys(present.self.tags).filter((tag) => !(tag in tags));
    await present.setTags(tags, gone);
    return;
  }
  const agent = await Agent.start({ name, bind, tags, join: [join], broadcastTimeout });
  members.set(name, agent);
}

// Who started us is gone.
const lines = createInterface({ input: process.stdin }).on("close", () => process.exit(0));
for await (const line of lines) {
  await Promise.all((JSON.parse(line) as HostileOrder[]).map(carryOut));
  process.stdout.write("done\n");
}
