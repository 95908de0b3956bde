import type { Cluster, Step } from "./cluster.js";

/** At most this many web nodes at a time, for the sake of the machine. */
const nodeLimit = 9;

/** What a key asks for: a step, another choice, the end, or nothing that can be done. */
export type Wish =
  | { readonly kind: "step"; readonly step: Step }
  | { readonly kind: "choose"; readonly name: string }
  | { readonly kind: "help" }
  | { readonly kind: "quit" }
  | { readonly kind: "impossible"; readonly why: string };

/** What the meaning of a key depends on. */
export type Situation = Pick<Cluster, "running" | "gone"> & {
  readonly chosen: string | undefined;
  /** The name for the next node that is added. */
  readonly nextName: string;
};

/** The keys, by words that begin with them: for the line at the bottom. */
export const keyWords = ["add", "stop", "kill", "return", "help", "quit"] as const;

/** The keys, explained. */
export const keyLines = [
  "a  add a web node",
  "s  stop the chosen one: its agent leaves, then its server stops",
  "k  kill -9 the chosen one, agent and server",
  "r  return the one that went last, at another address",
  "1-9  choose a node    h  this help    q  quit",
];

/** What the user wants with `key`; undefined if the key means nothing. Ctrl-C and Ctrl-D quit. */
export function readWish(key: string, situation: Situation): Wish | undefined {
  const { running, gone, chosen, nextName } = situation;
  if (/^[1-9]$/.test(key)) {
    const name = running[Number(key) - 1];
    return name === undefined
      ? { kind: "impossible", why: `there is no node number ${key}` }
      : { kind: "choose", name };
  }
  switch (key) {
    case "q":
    case "\x03":
    case "\x04":
      return { kind: "quit" };
    case "h":
    case "?":
      return { kind: "help" };
    case "a":
      if (running.length >= nodeLimit) {
        return { kind: "impossible", why: `${nodeLimit} nodes are enough` };
      }
      return { kind: "step", step: { kind: "add", name: nextName } };
    case "r": {
      const name = gone.at(-1);
      if (name === undefined) {
        return { kind: "impossible", why: "nobody is gone who could return: stop a node first" };
      }
      return { kind: "step", step: { kind: "return", name } };
    }
    case "s":
    case "k": {
      const name = chosen ?? running[0];
      if (name === undefined || running.length < 2) {
        return {
          kind: "impossible",
          why: "one must remain: without any, there is nothing to show",
        };
      }
      return { kind: "step", step: { kind: key === "s" ? "stop" : "kill", name } };
    }
    default:
      return undefined;
  }
}
