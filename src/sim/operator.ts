import { OperatorError } from "../base/errors.js";
import { intBelow, type Random } from "../base/random.js";
import { type Bytes, type Instant, type Millis, seconds } from "../base/units.js";
import type { KeyChange } from "../serf/key-answers.js";
import { plainQuestion } from "../serf/queries.js";
import type { LamportTime } from "../wire/serf-messages.js";
import { encodeText } from "../wire/text.js";
import type { Action } from "./faults.js";
import type { Process } from "./process.js";
import { Violation } from "./violation.js";
import type { World, WorldNode } from "./world.js";

/** A process that could not join tries again after this. */
const retryInterval: Millis = seconds(5);

/** Those that a process tries to join at once: in the beginning one that was started before it. */
const joinTargets = 2;

/** A user event, and who has to hear of it. */
export interface Saying {
  readonly name: string;
  readonly text: string;
  readonly ltime: LamportTime;
  /** True if one of the same name that was said later does instead. */
  readonly coalesce: boolean;
  /** Those who have no reason to take it for something from before they joined. */
  readonly listeners: readonly Process[];
}

/** Something that somebody waits for. */
interface Promised {
  readonly what: string;
  readonly by: Process;
  readonly since: Instant;
  times: number;
}

/** Who reaches nobody tries for ever, and each attempt may take a while. */
const joinTime: Millis = seconds(60);

/** Gives the commands, and keeps in mind what has to come of them. */
export class Operator {
  /** The tags that processes were told to have. */
  readonly tags = new Map<Process, ReadonlyMap<string, string>>();
  readonly said: Saying[] = [];
  readonly #world: World;
  readonly #random: Random;
  readonly #promised: Promised[] = [];
  /**
   * The event clocks of those that have joined somebody, or were the first, at that moment: they want
   * to hear of nothing that was said before.
   */
  readonly #joined = new Map<Process, LamportTime>();
  readonly #isLeaving = new Set<Process>();

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  isLeaving(process: Process): boolean {
    return this.#isLeaving.has(process);
  }

  /** Takes over a process that has just been started; without `introduced` it finds others itself. */
  tend(process: Process, introduced: boolean): void {
    const remembers = (process.recovered?.alive.size ?? 0) > 0;
    if (introduced || !remembers) this.#join(process);
  }

  leave(node: WorldNode): void {
    const { process } = node;
    if (process?.runs !== true || this.isLeaving(process)) return;
    this.#isLeaving.add(process);
    this.#feed(process, "leave", (now, done) =>
      process.serf.leave(now, () => {
        done();
        // The process ends when what it still wants to say is on its way.
        this.#world.at(this.#world.now, () => this.#world.crash(node));
      }),
    );
  }

  /** Has `process` tell the group to do something with a key. */
  changeKeys(process: Process, change: KeyChange, key: Bytes, then: () => void): void {
    this.#feed(process, `${change}-key`, (now, done) =>
      process.serf.keys(now, change, key, () => {
        done();
        then();
      }),
    );
  }

  act(action: Exclude<Action, { readonly kind: "rotation" | "twin" }>): void {
    const { process } = this.#world.node(action.node);
    if (process?.runs !== true || this.isLeaving(process)) return;
    const { serf } = process;
    switch (action.kind) {
      case "event":
        this.#say(process, action.name, "x".repeat(action.bytes), action.coalesce);
        return;
      case "burst":
        for (let number = 1; number <= action.count; number += 1) {
          this.#say(process, `${action.name}-${number}`, "", false);
        }
        return;
      case "query":
        this.#query(process, action.name, action.relayFactor);
        return;
      case "tags": {
        const tags = new Map([["tag", action.value]]);
        this.tags.set(process, tags);
        this.#feed(process, "tags", (now, done) => serf.setTags(now, tags, done));
        return;
      }
      case "force-leave": {
        const { name } = this.#world.node(action.target);
        // Who is declared to have left before it joins may join at a Lamport time from before.
        if (!serf.members().some((member) => member.name === name)) return;
        this.#feed(process, "force-leave", (now, done) =>
          serf.forceLeave(now, name, action.prune, done),
        );
      }
    }
  }

  /** Has `process` join another one, which must succeed. */
  introduce(process: Process, { address }: Process): void {
    const targets = [{ address, name: "" }];
    this.#feed(process, "join", (now, done) =>
      process.serf.join(now, targets, true, ({ contacted }) => {
        done();
        if (contacted > 0) return;
        throw new Violation("joins succeed when all is well", `${process.name} reached nobody`);
      }),
    );
  }

  /** A command of which somebody who is here still waits for the end. */
  unkept(here: readonly Process[]): string | undefined {
    for (const { by, since, times, what } of this.#promised) {
      if (what === "join" && this.#world.now - since < joinTime) continue;
      if (times === 0 && here.includes(by)) return `${what} of ${by.name} has not ended`;
    }
    return undefined;
  }

  #say(process: Process, name: string, padding: string, coalesce: boolean): void {
    const { serf } = process;
    const text = `${this.said.length} ${padding}`;
    const ltime = serf.stats().eventTime;
    const listeners = [...this.#world.processes()].filter(
      (one) => (this.#joined.get(one) ?? Number.POSITIVE_INFINITY) <= ltime,
    );
    this.said.push({ name, text, ltime, coalesce, listeners });
    this.#world.feed(process, (now) => serf.userEvent(now, name, encodeText(text), coalesce));
  }

  /** As `-retry-join` does: until somebody answers, or we have met somebody in another way. */
  #join(process: Process): void {
    const { lives } = this.#world.node(process.node);
    const others = this.#world.nodes.filter(({ index }) =>
      lives === 1 ? index < process.node : index !== process.node,
    );
    if (!process.up || this.isLeaving(process)) return;
    if (others.length === 0) {
      this.#joined.set(process, process.serf.stats().eventTime);
      return;
    }
    if (process.paused) {
      this.#world.at(this.#world.now + retryInterval, () => this.#join(process));
      return;
    }
    const targets = Array.from({ length: joinTargets }, () => {
      const other = others[intBelow(this.#random, others.length)] as WorldNode;
      return { address: other.address, name: "" };
    });
    this.#feed(process, "join", (now, done) =>
      process.serf.join(now, targets, false, ({ contacted }) => {
        done();
        if (contacted > 0) {
          this.#joined.set(process, process.serf.stats().eventTime);
          return;
        }
        this.#world.at(this.#world.now + retryInterval, () => this.#join(process));
      }),
    );
  }

  #query(process: Process, name: string, relayFactor: number): void {
    const answered = new Set<string>();
    let isOver = false;
    const check = (from: string): void => {
      if (isOver)
        throw new Violation("queries end once", `${name}: ${from} answered after the end`);
    };
    const question = {
      ...plainQuestion(name, encodeText("?")),
      requestAck: true,
      relayFactor,
    };
    this.#feed(process, "query", (now, done) => {
      process.serf.query(now, question, {
        handleAck: (_, from) => check(from),
        handleResponse: (_, from) => {
          check(from);
          if (answered.has(from)) {
            throw new Violation("answers come at most once", `${name}: ${from} answered twice`);
          }
          answered.add(from);
        },
        handleDone: () => {
          isOver = true;
          done();
        },
      });
    });
  }

  /** Gives a command whose end is told once, and must be. */
  #feed(
    process: Process,
    what: string,
    command: (now: Instant, done: (error?: string | undefined) => void) => void,
  ): void {
    const promised: Promised = { what, by: process, since: this.#world.now, times: 0 };
    this.#promised.push(promised);
    try {
      this.#world.feed(process, (now) =>
        command(now, () => {
          promised.times += 1;
          if (promised.times === 1) return;
          throw new Violation("commands end once", `${what} of ${process.name} ended twice`);
        }),
      );
    } catch (thrown) {
      // Refused, as an operator would have been told.
      if (!(thrown instanceof OperatorError)) throw thrown;
      promised.times = 1;
    }
  }
}
