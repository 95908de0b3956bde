import { sameBytes } from "../base/address.js";
import { OperatorError } from "../base/errors.js";
import { type Bytes, type Millis, seconds } from "../base/units.js";
import type { KeyChange } from "../serf/key-answers.js";
import { Keyring } from "../wire/keyring.js";
import type { Process } from "./process.js";
import type { World } from "./world.js";

/** Before an operation that some have not done is tried again. */
const retryInterval: Millis = seconds(5);

/** Who was asked to tell the group may have ended: after this another one is. */
const patience: Millis = seconds(30);

/** What is done one after the other, each to all, when another key is to be used. */
const phases = ["install", "use", "remove"] as const satisfies readonly KeyChange[];

interface Rotation {
  readonly key: Bytes;
  readonly former: Bytes;
  /** Who tells the group, if it can. */
  readonly node: number;
  phase: number;
}

/** What is to be done with the keys of the group through one of its members. */
export type KeyCommand = (
  process: Process,
  change: KeyChange,
  key: Bytes,
  done: () => void,
) => void;

/**
 * The keys of an encrypted group and its operator, who keeps to the rule: a key is used when all have
 * it, and removed when all use the next one. Who was down meanwhile, and has a ring on its disk that
 * is of no use any more, is given another before it starts.
 */
export class KeyCustody {
  readonly #world: World;
  readonly #command: KeyCommand;
  /** False for those that leave. */
  readonly #staying: (process: Process) => boolean;
  /** By node: the keys on its disk. */
  readonly #files = new Map<number, readonly Bytes[]>();
  readonly #rings = new Map<Process, Keyring>();
  /** Nodes of which the disk takes nothing. */
  readonly full = new Set<number>();
  /** Those that wait for their turn; as many as the plan has. */
  readonly #waiting: { readonly key: Bytes; readonly node: number }[] = [];
  #primary: Bytes;
  #rotation: Rotation | undefined;

  constructor(world: World, staying: (process: Process) => boolean, command: KeyCommand) {
    this.#world = world;
    this.#staying = staying;
    this.#command = command;
    this.#primary = keyOf(0);
  }

  /** The ring that the node starts with: its own if that is of use. */
  ringFor(node: number): Keyring {
    const file = this.#files.get(node);
    const keys = file !== undefined && this.#isUseful(file) ? file : this.#currentKeys();
    this.#files.set(node, keys);
    return new Keyring(keys);
  }

  /** `ring` is that of `process` from now on. */
  handOver(process: Process, ring: Keyring): void {
    this.#rings.set(process, ring);
  }

  save(node: number, keys: readonly Bytes[]): void {
    if (this.full.has(node)) throw new OperatorError("no space left on device");
    this.#files.set(node, keys);
  }

  /** From now on the group is to use another key, when what was wanted before is done. */
  rotate(node: number, key: number): void {
    this.#waiting.push({ node, key: keyOf(key) });
    if (this.#rotation === undefined) this.#next();
  }

  /** What is not as it was wanted; undefined if all is. */
  difference(here: readonly Process[]): string | undefined {
    if (this.#rotation !== undefined) return `not all have done ${this.#change(this.#rotation)}`;
    for (const process of here) {
      const keys = this.#keysOf(process);
      if (keys.length !== 1 || !sameBytes(keys[0] as Bytes, this.#primary)) {
        return `${process.name} has the keys ${keys.map(nameOf)}, wanted is ${nameOf(this.#primary)}`;
      }
      const saved = this.#files.get(process.node) ?? [];
      if (saved.map(nameOf).join() !== keys.map(nameOf).join()) {
        return `${process.name} has the keys ${keys.map(nameOf)}, on its disk are ${saved.map(nameOf)}`;
      }
    }
    return undefined;
  }

  #next(): void {
    const wanted = this.#waiting.shift();
    if (wanted === undefined) return;
    const { key, node } = wanted;
    if (sameBytes(key, this.#primary)) {
      this.#next();
      return;
    }
    this.#rotation = { key, node, former: this.#primary, phase: 0 };
    this.#advance(this.#rotation);
  }

  /** Tells the group until all have done it; those that are down do not count. */
  #advance(rotation: Rotation): void {
    const here = [...this.#world.processes()].filter(this.#staying);
    while (here.every((process) => hasDone(rotation, this.#keysOf(process)))) {
      rotation.phase += 1;
      if (phases[rotation.phase] !== undefined) continue;
      this.#rotation = undefined;
      this.#primary = rotation.key;
      this.#next();
      return;
    }
    let isOver = false;
    const again = (wait: Millis): void => {
      this.#world.at(this.#world.now + wait, () => {
        if (!isOver) this.#advance(rotation);
        isOver = true;
      });
    };
    const able = here.filter(({ runs }) => runs);
    const process = able.find(({ node }) => node === rotation.node) ?? able[0];
    again(process === undefined ? retryInterval : patience);
    if (process === undefined) return;
    const change = this.#change(rotation);
    const key = change === "remove" ? rotation.former : rotation.key;
    this.#command(process, change, key, () => again(retryInterval));
  }

  #change({ phase }: Rotation): KeyChange {
    return phases[phase] ?? "remove";
  }

  #keysOf(process: Process): readonly Bytes[] {
    return this.#rings.get(process)?.keys() ?? [];
  }

  /** True if all that are here and this one understand each other, and it has no key from long ago. */
  #isUseful(keys: readonly Bytes[]): boolean {
    const rotation = this.#rotation;
    if (rotation === undefined) return keys.length === 1 && startsWith(keys, this.#primary);
    const { former, key, phase } = rotation;
    if (keys.some((one) => !includes([former, key], one))) return false;
    switch (phases[phase]) {
      case "install":
        return startsWith(keys, former);
      case "use":
        return includes(keys, former) && includes(keys, key);
      default:
        return startsWith(keys, key);
    }
  }

  #currentKeys(): readonly Bytes[] {
    const rotation = this.#rotation;
    if (rotation === undefined) return [this.#primary];
    const { former, key, phase } = rotation;
    switch (phases[phase]) {
      case "install":
        return [former, key];
      case "use":
        return [key, former];
      default:
        return [key];
    }
  }
}

function hasDone({ former, key, phase }: Rotation, keys: readonly Bytes[]): boolean {
  switch (phases[phase]) {
    case "install":
      return includes(keys, key);
    case "use":
      return startsWith(keys, key);
    default:
      return !includes(keys, former);
  }
}

function startsWith([first]: readonly Bytes[], key: Bytes): boolean {
  return first !== undefined && sameBytes(first, key);
}

function includes(keys: readonly Bytes[], key: Bytes): boolean {
  return keys.some((one) => sameBytes(one, key));
}

function keyOf(number: number): Bytes {
  return Uint8Array.from({ length: 16 }, (_, index) => (index + 16 * number) & 0xff);
}

/** For those who read what went wrong. */
function nameOf([first = 0]: Bytes): string {
  return `k${first / 16}`;
}
