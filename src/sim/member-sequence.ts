import { type Address, sameAddress } from "../base/address.js";
import type { MemberEventKind, SerfEvent } from "../serf/events.js";
import { Violation } from "./violation.js";

/** What those who know only the events take a member for. */
interface Known {
  readonly presence: "here" | "left" | "failed";
  readonly address: Address;
}

/**
 * What is told of members to the users of one process makes sense: who comes was not here, unless it
 * has moved; who goes or is changed was here; who left has not failed, and is not forgotten before.
 */
export class MemberSequence {
  readonly #viewer: string;
  /** As many as there are names. */
  readonly #known = new Map<string, Known>();

  constructor(viewer: string) {
    this.#viewer = viewer;
  }

  told(event: SerfEvent): void {
    if (event.kind === "user" || event.kind === "query") return;
    for (const { address, name } of event.members) this.#follow(event.kind, name, address);
  }

  #follow(kind: MemberEventKind, name: string, address: Address): void {
    const known = this.#known.get(name);
    if (!isLegal(kind, known, address)) {
      throw new Violation(
        "what is told of members makes sense",
        `${this.#viewer} was told ${kind} of ${name}, which was ${known?.presence ?? "unknown"}`,
      );
    }
    switch (kind) {
      case "member-join":
      case "member-update":
        this.#known.set(name, { presence: "here", address });
        return;
      case "member-leave":
        this.#known.set(name, { presence: "left", address });
        return;
      case "member-failed":
        this.#known.set(name, { presence: "failed", address });
        return;
      case "member-reap":
        this.#known.delete(name);
    }
  }
}

function isLegal(kind: MemberEventKind, known: Known | undefined, address: Address): boolean {
  switch (kind) {
    case "member-join":
      return known?.presence !== "here" || !sameAddress(known.address, address);
    case "member-update":
    case "member-failed":
      return known?.presence === "here";
    case "member-leave":
      // An operator may say so of one that failed.
      return known?.presence === "here" || known?.presence === "failed";
    case "member-reap":
      return known !== undefined;
  }
}
