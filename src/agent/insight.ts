import { OperatorError } from "../base/errors.js";
import { Chronicle } from "../observe/chronicle.js";
import { entriesAbout } from "../observe/entries-about.js";
import { PeerAnswers } from "./peer-answers.js";
import { TopicAnswers } from "./topic-answers.js";

/** What an agent knows of the past, and whom it tells: its own commands, HTTP clients and other agents. */
export class Insight {
  readonly chronicle = new Chronicle(() => Date.now());
  readonly topics = new TopicAnswers();
  readonly peers = new PeerAnswers();

  constructor() {
    this.topics.on("chronicle", ({ node, within = Number.POSITIVE_INFINITY }) => {
      if (node !== undefined && typeof node !== "string")
        throw new OperatorError("node is no name");
      if (typeof within !== "number")
        throw new OperatorError("within is no number of milliseconds");
      const entries = this.chronicle.since(Date.now() - within);
      return { entries: node === undefined ? entries : entriesAbout(entries, node) };
    });
  }
}
