import { OperatorError } from "../base/errors.js";
import type { Keyring } from "../wire/keyring.js";
import { loadKeyring } from "./keyring-file.js";
import type { Settings } from "./settings.js";
import { readTagsFile } from "./tags-file.js";

/** What an agent starts with besides its settings. */
export interface AgentFiles {
  readonly tags: ReadonlyMap<string, string>;
  readonly keyring: Keyring | undefined;
}

/** Reads tags file and keyring. Throws {@link OperatorError} if they contradict the settings. */
export function readAgentFiles(settings: Settings): AgentFiles {
  refuseTagsBesideFile(settings);
  const { tags, tagsFile } = settings;
  const kept = tagsFile === "" ? undefined : readTagsFile(tagsFile);
  return { tags: kept ?? tags, keyring: loadKeyring(settings) };
}

/** With a tags file, tags come from nowhere else. Throws {@link OperatorError}. */
export function refuseTagsBesideFile({ tags, tagsFile }: Settings): void {
  if (tagsFile !== "" && tags.size > 0) {
    throw new OperatorError("Tags config not allowed while using tag files");
  }
}
