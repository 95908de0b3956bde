import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { endChildrenAtExit } from "./children.js";
import type { Sample } from "./figures.js";
import { Group } from "./group.js";
import { type Kind, kinds, versionOf } from "./kinds.js";
import { type PeersOptions, parsePeersOptions, peersUsage } from "./options.js";
import type { GroupScenario, LoneScenario } from "./scenario.js";
import { alone } from "./scenarios/alone.js";
import { burst } from "./scenarios/burst.js";
import { converge, convergeLimit } from "./scenarios/converge.js";
import { event } from "./scenarios/event.js";
import { handler } from "./scenarios/handler.js";
import { idle } from "./scenarios/idle.js";
import { kill } from "./scenarios/kill.js";
import { leave } from "./scenarios/leave.js";
import { members } from "./scenarios/members.js";
import { query } from "./scenarios/query.js";
import { stall } from "./scenarios/stall.js";
import { cli, start } from "./scenarios/start.js";
import { Sheet } from "./sheet.js";
import { failureLines, markdownTable, textTable } from "./tables.js";
import { within } from "./waiting.js";

const loneScenarios: readonly LoneScenario[] = [start, cli, alone, handler, members];

/** In this order on one group: what is idle has to be past its youth, and at the end somebody is lost. */
const groupScenarios: readonly GroupScenario[] = [event, query, stall, idle, leave, kill];

/** On a group of its own: what it leaves in the queues of Serf takes a minute to get out. */
const ownScenarios: readonly GroupScenario[] = [burst];

/** Joins of a fresh group in each round; the last one's group goes on to the other scenarios. */
const joins = 3;

const startLimit = 120_000;

/** For those who have not found together by themselves. */
const agreeLimits = [5_000, 60_000] as const;

/** Serf's agents beside ours: the same scripts on both, in turns. Resolves with the exit code. */
export async function benchPeers(args: readonly string[]): Promise<number> {
  const scenarios = [...loneScenarios, ...groupScenarios, ...ownScenarios];
  const names = ["converge", ...scenarios.map(({ name }) => name)];
  let options: PeersOptions;
  try {
    options = parsePeersOptions(args, names);
  } catch (thrown) {
    process.stderr.write(`bench: ${thrown instanceof Error ? thrown.message : thrown}\n`);
    process.stderr.write(`${peersUsage}names: ${names.join(", ")}\n`);
    return 1;
  }
  endChildrenAtExit();
  const run = new Run(options);
  await run.all();
  return run.conclude();
}

class Run {
  readonly #options: PeersOptions;
  readonly #sheet = new Sheet();
  readonly #begin = performance.now();

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  async all(): Promise<void> {
    const { agents, rounds } = this.#options;
    for (const scenario of this.#wanted(loneScenarios)) await this.#lone(scenario);
    for (const size of agents) {
      for (let round = 0; round < rounds; round += 1) {
        for (const kind of kinds) await this.#turn(kind, size, round);
      }
    }
  }

  /** Prints what came of it; 1 if something could not be measured. */
  conclude(): number {
    const { json, markdown } = this.#options;
    const { failures } = this.#sheet;
    const rows = this.#sheet.rows();
    const minutes = ((performance.now() - this.#begin) / 60_000).toFixed(1);
    const [processor] = cpus();
    process.stdout.write(
      `\nNode.js ${process.version}, ${versionOf("gossipd")}, Serf ${versionOf("serf")}, ` +
        `${cpus().length} x ${processor?.model ?? "?"}, ${minutes} min; median (least-most)\n\n`,
    );
    process.stdout.write(markdown ? markdownTable(rows) : textTable(rows));
    process.stdout.write(failureLines(failures));
    if (json !== undefined) writeFileSync(json, `${JSON.stringify({ rows, failures }, null, 1)}\n`);
    return failures.length === 0 ? 0 : 1;
  }

  #wanted<S extends { readonly name: string }>(scenarios: readonly S[]): S[] {
    const { only } = this.#options;
    return scenarios.filter(({ name }) => only?.includes(name) ?? true);
  }

  async #lone(scenario: LoneScenario): Promise<void> {
    const { name, limit } = scenario;
    this.#tell(name);
    await this.#attempt(name, async () => {
      const work = scenario.run(this.#options.rounds, (candidate, samples) =>
        this.#sheet.add(candidate, aloneSetting, samples),
      );
      await within(name, limit, work);
    });
  }

  /** One program's turn: all that is measured of its groups. */
  async #turn(kind: Kind, size: number, round: number): Promise<void> {
    const setting = `${size} agents`;
    const isLargest = size === this.#options.agents.at(-1);
    const fits = ({ leastAgents = 0, sparing }: GroupScenario): boolean =>
      size >= leastAgents &&
      (sparing === undefined || round === 0) &&
      (sparing !== "largest group" || isLargest);
    const shared = this.#wanted(groupScenarios).filter(fits);
    const own = this.#wanted(ownScenarios).filter(fits);
    let group: Group | undefined;
    if (this.#wanted([{ name: "converge" }]).length > 0) {
      for (let join = 0; join < joins; join += 1) {
        await group?.end();
        group = await this.#measureJoin(kind, size, setting);
      }
    }
    for (const scenario of shared) {
      group = await this.#inGroup(kind, size, group, scenario, setting);
    }
    await group?.end();
    for (const scenario of own) {
      await (await this.#inGroup(kind, size, undefined, scenario, setting))?.end();
    }
  }

  async #measureJoin(kind: Kind, size: number, setting: string): Promise<Group | undefined> {
    const what = `converge, ${size} ${kind}`;
    this.#tell(what);
    let group: Group | undefined;
    const ok = await this.#attempt(what, async () => {
      group = await Group.start(kind, size);
      this.#note(kind, setting, await within(what, 2 * convergeLimit, converge(group)));
      await group.agree(...agreeLimits);
    });
    if (ok) return group;
    await group?.end();
    return undefined;
  }

  /** Runs `scenario` in `group`, or in a fresh one; undefined if the group is of no use any more. */
  async #inGroup(
    kind: Kind,
    size: number,
    given: Group | undefined,
    scenario: GroupScenario,
    setting: string,
  ): Promise<Group | undefined> {
    const { limit, name } = scenario;
    const what = `${name}, ${size} ${kind}`;
    this.#tell(what);
    let group = given;
    const ok = await this.#attempt(what, async () => {
      group ??= await joined(kind, size);
      const note = (samples: readonly Sample[]): void => this.#note(kind, setting, samples);
      await within(what, limit, scenario.run(group, note));
    });
    if (ok) return group;
    await group?.end();
    return undefined;
  }

  #note(kind: Kind, setting: string, samples: readonly Sample[]): void {
    this.#sheet.add(kind, setting, samples);
  }

  async #attempt(what: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (thrown) {
      process.stderr.write(failureLines([this.#sheet.fail(what, thrown)]));
      return false;
    }
  }

  #tell(what: string): void {
    const seconds = ((performance.now() - this.#begin) / 1_000).toFixed(0).padStart(4);
    process.stderr.write(`${seconds} s  ${what}\n`);
  }
}

const aloneSetting = "1 agent";

/** A group that has found together. */
async function joined(kind: Kind, size: number): Promise<Group> {
  const group = await Group.start(kind, size);
  try {
    await within("the join", startLimit, group.joinAll());
    await group.agree(...agreeLimits);
    return group;
  } catch (thrown) {
    await group.end();
    throw thrown;
  }
}
