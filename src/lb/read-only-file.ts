import { OperatorError } from "../base/errors.js";
import { diskError, readBytes, realDisk } from "./disk.js";
import type { FileStore } from "./sync-deps.js";

/** A configuration file that is only looked at, beside whoever keeps it. */
export class ReadOnlyFile implements FileStore {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  async read(): Promise<string | undefined> {
    try {
      const bytes = await readBytes(realDisk, this.#file);
      return bytes?.toString("utf8");
    } catch (error) {
      throw diskError(`cannot read ${this.#file}`, error);
    }
  }

  lastGood(): undefined {
    return undefined;
  }

  stage(): Promise<never> {
    return this.#refuse();
  }

  commit(): Promise<never> {
    return this.#refuse();
  }

  confirm(): Promise<never> {
    return this.#refuse();
  }

  restore(): Promise<never> {
    return this.#refuse();
  }

  async discard(): Promise<void> {}

  #refuse(): Promise<never> {
    return Promise.reject(new OperatorError(`${this.#file} is only looked at`));
  }
}
