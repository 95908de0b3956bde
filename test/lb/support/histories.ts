import type { LbMember } from "../../../src/lb/model.js";
import { member } from "./policy.js";

/** What can happen in a group, in the words of its members; `who` picks one of the names. */
export type Step =
  | { readonly kind: "join"; readonly who: number }
  | { readonly kind: "leave"; readonly who: number }
  | { readonly kind: "crash"; readonly who: number }
  | { readonly kind: "crash-many"; readonly who: number; readonly count: number }
  | { readonly kind: "return-all" }
  | { readonly kind: "suspect"; readonly who: number }
  | { readonly kind: "refute"; readonly who: number }
  | { readonly kind: "move"; readonly who: number; readonly to: number }
  | { readonly kind: "tag"; readonly who: number; readonly tag: string; readonly value: string }
  | { readonly kind: "reap"; readonly who: number }
  | { readonly kind: "alone"; readonly is: boolean }
  | { readonly kind: "restart" }
  | { readonly kind: "pass"; readonly millis: number };

/** Steps that take somebody out who wants to be out. */
export const plannedKinds: ReadonlySet<Step["kind"]> = new Set(["leave", "tag", "move", "reap"]);

/** The truth that a policy is told of, and nothing else: no memory, no doubts. */
export class Group {
  readonly #members = new Map<string, LbMember>();
  readonly #size: number;
  isolated = false;

  constructor(size: number) {
    this.#size = size;
  }

  get members(): readonly LbMember[] {
    return [...this.#members.values()];
  }

  apply(step: Step): void {
    switch (step.kind) {
      case "join":
        this.#join(step.who);
        return;
      case "leave":
        this.#change(step.who, { status: "left", suspected: false });
        return;
      case "crash":
        this.#crash(step.who);
        return;
      case "crash-many":
        for (let index = 0; index < step.count; index += 1) this.#crash(step.who + index);
        return;
      case "return-all":
        for (const one of this.members) {
          if (one.status === "failed") this.#members.set(one.name, { ...one, status: "alive" });
        }
        return;
      case "suspect":
        if (this.#of(step.who)?.status === "alive") this.#change(step.who, { suspected: true });
        return;
      case "refute":
        this.#change(step.who, { suspected: false });
        return;
      case "move":
        this.#change(step.who, { ip: `10.1.0.${step.to % 250}` });
        return;
      case "tag": {
        const tags = new Map(this.#of(step.who)?.tags);
        if (step.value === "") tags.delete(step.tag);
        else tags.set(step.tag, step.value);
        this.#change(step.who, { tags });
        return;
      }
      case "reap":
        if (this.#of(step.who)?.status !== "alive") this.#members.delete(this.#name(step.who));
        return;
      case "alone":
        this.isolated = step.is;
        return;
      default:
    }
  }

  /** Whatever was wrong is mended: who failed is back or declared left, and nobody is suspected. */
  heal(): void {
    this.isolated = false;
    for (const [index, one] of this.members.entries()) {
      const status = one.status === "failed" && index % 2 === 0 ? "left" : one.status;
      const healed = status === "failed" ? "alive" : status;
      this.#members.set(one.name, { ...one, status: healed, suspected: false });
    }
  }

  #join(who: number): void {
    const name = this.#name(who);
    const before = this.#members.get(name);
    const joined = before === undefined ? member(name) : { ...before, suspected: false };
    this.#members.set(name, { ...joined, status: "alive" });
  }

  #crash(who: number): void {
    if (this.#of(who)?.status === "alive")
      this.#change(who, { status: "failed", suspected: false });
  }

  #change(who: number, changes: Partial<LbMember>): void {
    const before = this.#of(who);
    if (before !== undefined) this.#members.set(before.name, { ...before, ...changes });
  }

  #of(who: number): LbMember | undefined {
    return this.#members.get(this.#name(who));
  }

  #name(who: number): string {
    return `web${(who % this.#size) + 1}`;
  }
}

/**
 * Who should be served, as naively as it can be said: alive, of the role, with values that are right,
 * not asking to be out, and not at the address of another that is served and comes first.
 */
export function eligible(members: readonly LbMember[]): readonly string[] {
  const taken = new Set<string>();
  return members
    .filter(({ status, tags }) => status === "alive" && tags.get("role") === "web")
    .filter(({ tags }) => /^[1-9]\d{0,4}$/.test(tags.get("port") ?? "80"))
    .filter(({ tags }) => /^[1-9]\d?$/.test(tags.get("weight") ?? "10"))
    .filter(({ tags }) => (tags.get("state") ?? "ready") === "ready")
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap(({ ip, name, tags }) => {
      const address = `${ip}:${tags.get("port") ?? "80"}`;
      if (taken.has(address)) return [];
      taken.add(address);
      return [name];
    });
}
