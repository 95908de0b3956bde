import { OperatorError } from "../../../src/base/errors.js";
import type { FileStore } from "../../../src/lb/sync-deps.js";

/** A configuration file in memory, with a disk that can be made to fail. */
export class MemoryFile implements FileStore {
  /** What is on the disk; tests write here what somebody else writes. */
  text: string | undefined;
  /** Every content that the file ever had. */
  readonly history: string[] = [];
  readonly failing = new Set<"read" | "stage" | "commit" | "confirm" | "restore">();
  #staged: string | undefined;
  #good: string | undefined;
  #before: string | undefined;

  constructor(text?: string) {
    this.text = text;
  }

  async read(): Promise<string | undefined> {
    this.#failIf("read");
    return this.text;
  }

  async stage(text: string): Promise<string> {
    this.#failIf("stage");
    this.#staged = text;
    return "/staged";
  }

  async discard(): Promise<void> {
    this.#staged = undefined;
  }

  async commit(): Promise<void> {
    this.#failIf("commit");
    this.#before ??= this.text;
    if (this.#staged !== undefined) this.#write(this.#staged);
  }

  async confirm(): Promise<void> {
    this.#failIf("confirm");
    this.#good = this.text;
  }

  lastGood(): string | undefined {
    return this.#good;
  }

  async restore(): Promise<string | undefined> {
    this.#failIf("restore");
    const text = this.#good ?? this.#before;
    if (text !== undefined) this.#write(text);
    return text;
  }

  #write(text: string): void {
    this.text = text;
    this.history.push(text);
  }

  #failIf(name: "read" | "stage" | "commit" | "confirm" | "restore"): void {
    if (this.failing.has(name)) throw new OperatorError(`cannot ${name}: no space left on device`);
  }
}
