import { encodeBase64 } from "../../base/base64.js";
import type { Log } from "../../base/log.js";
import type { Chronicle } from "../../observe/chronicle.js";
import type { HandlerState } from "../../observe/handler-run.js";
import type { Member } from "../../serf/events.js";
import type { AgentFiles } from "../agent-files.js";
import { now } from "../driver.js";
import type { EventHub } from "../event-hub.js";
import type { Settings } from "../settings.js";
import type { TopicAnswers } from "../topic-answers.js";
import { HandlerJournal } from "./handler-journal.js";
import { HandlerTopics } from "./handler-topics.js";

export interface JournalSources {
  readonly log: Log;
  readonly settings: Settings;
  readonly files: AgentFiles;
  readonly chronicle: Chronicle;
}

/** The journal of an agent as its settings want it. Throws OperatorError. */
export function openJournal({ chronicle, files, log, settings }: JournalSources): HandlerJournal {
  const { encryptKey, handlerJournal, httpToken, rpcAuth } = settings;
  return new HandlerJournal({
    log,
    now,
    wallClock,
    path: handlerJournal === "" ? undefined : handlerJournal,
    // Keys come and go while the agent runs.
    secrets: () => [
      encryptKey,
      rpcAuth,
      httpToken,
      ...(files.keyring?.keys().map(encodeBase64) ?? []),
    ],
    note: (deed) => chronicle.note(deed),
  });
}

/**
 * Answers questions about the handlers of an agent; what comes back tells how they fare. `members`: all;
 * undefined while they are not all there is.
 */
export function answerAboutHandlers(
  topics: TopicAnswers,
  parts: { readonly hub: EventHub; readonly members: () => readonly Member[] | undefined },
): () => readonly HandlerState[] {
  const handlers = new HandlerTopics({ ...parts, now, wallClock });
  handlers.answerIn(topics);
  return () => handlers.states();
}

function wallClock(): number {
  return Date.now();
}
