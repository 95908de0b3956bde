import { createConnection } from "node:net";
import { assert } from "../../base/assert.js";
import { OperatorError } from "../../base/errors.js";
import type { Millis } from "../../base/units.js";

/** What follows every answer once `prompt` was said; no line of an answer begins so. */
const prompt = "\n> ";

/** Ends a batch whose answers are longer: 5,000 servers take about 3 MB. */
const longestAnswers = 64 * 1024 * 1024;

/**
 * HAProxy's runtime API on its `stats socket`.
 *
 * Every batch has a connection of its own: one that is held over a reload keeps talking to the old
 * worker, and its commands are lost without a word (loadbalancer.md section 1.2).
 *
 * Without a prompt answers cannot be told apart for certain: each is followed by one newline, most
 * end with one of their own as well, but not all do (`Server deleted.`), and success is often empty.
 * After the command `prompt` each answer, empty or not, is followed by `\n> `, so that they can be
 * counted. It also keeps the connection open, so that commands may come one per line: in HAProxy
 * they run in one go exactly like those joined by `;`, yet no line ever gets too long.
 */
export class RuntimeSocket {
  readonly path: string;
  readonly #timeout: Millis;

  /** `timeout` is the limit of a whole batch. */
  constructor(path: string, timeout: Millis) {
    this.path = path;
    this.#timeout = timeout;
  }

  /**
   * Runs the commands one after the other and gives an answer for each, without the white space
   * around it. Throws OperatorError if there is no answer to every one of them.
   */
  async ask(commands: readonly string[]): Promise<readonly string[]> {
    if (commands.length === 0) return [];
    for (const command of commands) checkCommand(command);
    const answers = await this.#converse(commands);
    return answers.slice(1);
  }

  #converse(commands: readonly string[]): Promise<string[]> {
    return new Promise((resolve, reject) => {
      const received: string[] = [];
      let length = 0;
      let prompts = 0;
      let tail = "";
      const expected = commands.length + 1;
      const socket = createConnection(this.path);
      socket.setEncoding("utf8");

      const fail = (what: string, cause?: unknown): void => {
        clearTimeout(timer);
        socket.destroy();
        reject(new OperatorError(`runtime socket ${this.path}: ${what}`, { cause }));
      };
      const state = (): string => `${Math.max(0, prompts - 1)} of ${commands.length} answers`;
      const timer = setTimeout(() => {
        if (socket.connecting) fail(`no connection within ${this.#timeout} ms: is HAProxy stuck?`);
        else fail(`only ${state()} within ${this.#timeout} ms: is HAProxy stuck?`);
      }, this.#timeout);

      socket.once("connect", () => socket.write(`prompt\n${commands.join("\n")}\n`));
      socket.on("data", (part: string) => {
        received.push(part);
        length += part.length;
        if (length > longestAnswers) return fail(`more than ${longestAnswers} bytes of answers`);
        prompts += occurrences(tail + part, prompt);
        tail = (tail + part).slice(-(prompt.length - 1));
        if (prompts < expected) return;
        clearTimeout(timer);
        socket.destroy();
        const answers = received.join("").split(prompt);
        const rest = answers.pop();
        if (answers.length !== expected || rest !== "") {
          return fail(`${answers.length - 1} answers to ${commands.length} commands`);
        }
        resolve(answers.map((answer) => answer.trim()));
      });
      socket.once("error", (error: NodeJS.ErrnoException) => fail(wordsOf(error), error));
      socket.once("close", () => fail(`closed after ${state()}: did HAProxy stop or reload?`));
    });
  }
}

/** Values are checked where they come in; this is the last line before what runs them. */
function checkCommand(command: string): void {
  assert(
    /^[\x20-\x7e]+$/.test(command) && !/[;\\#]|<</.test(command),
    `not one plain command: ${JSON.stringify(command)}`,
  );
}

function wordsOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ENOENT":
      return 'not there: start HAProxy, or give the path of its "stats socket" line';
    case "EACCES":
    case "EPERM":
      return 'permission denied: let this user in by "user", "group" or "mode" of the "stats socket" line';
    case "ECONNREFUSED":
      return "nobody listens there: has HAProxy stopped?";
    default:
      return error.message;
  }
}

function occurrences(text: string, part: string): number {
  return text.split(part).length - 1;
}
