import { examineApplication, readPortTag } from "../../examine/application.js";
import { type Finding, Findings } from "../../examine/finding.js";
import { systemFolders } from "../../examine/programs.js";
import type { ApplicationFault } from "../../observe/application.js";
import type { Known } from "./agent-contact.js";
import type { Peers } from "./peers.js";

/** The application that our own agent runs. */
export async function examineOwn(known: Known): Promise<readonly Finding[]> {
  const { application, members, self, setup } = known;
  if (application === undefined) return [];
  const tags = members.find(({ name }) => name === self)?.tags;
  const path = setup?.environment.PATH ?? systemFolders;
  return await examineApplication({
    state: application,
    path,
    portTag: readPortTag(tags?.get("port")),
  });
}

/** The applications of other members, as their agents tell; each is asked once, and told of once. */
export class Applications {
  readonly #peers: Pick<Peers, "application"> | undefined;
  readonly #asked = new Map<string, Promise<readonly ApplicationFault[] | undefined>>();
  readonly #told = new Set<string>();

  constructor(peers: Pick<Peers, "application"> | undefined) {
    this.#peers = peers;
  }

  /** How many faults a member's application has; undefined: it runs none, or does not say. */
  async count(node: string): Promise<number | undefined> {
    return (await this.#ask(node))?.length;
  }

  /** Its faults, as they are to be put right there; none if they have been told already. */
  async tell(node: string): Promise<readonly Finding[]> {
    const faults = (await this.#ask(node)) ?? [];
    if (this.#told.has(node)) return [];
    this.#told.add(node);
    return faults.flatMap(({ about, cause, found, remedy }) => {
      const findings = new Findings("application", `${node}: ${about}`);
      findings.fail(found, {
        ...(cause === null ? {} : { cause }),
        remedy: remedy.map((line) => (/^or[ ,]/.test(line) ? line : `on ${node}: ${line}`)),
      });
      return findings.all;
    });
  }

  #ask(node: string): Promise<readonly ApplicationFault[] | undefined> {
    const asked = this.#asked.get(node) ?? this.#peers?.application(node);
    if (asked === undefined) return Promise.resolve(undefined);
    this.#asked.set(node, asked);
    return asked;
  }
}
