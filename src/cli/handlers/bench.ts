import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, isAbsolute, join, relative, resolve } from "node:path";
import type { Bytes, Millis } from "../../base/units.js";
import {
  type Environment,
  handlerEnvironment,
  handlerInput,
  inheritedEnvironment,
  type StateNews,
} from "../../handler/handler-input.js";
import type { Member, SerfEvent } from "../../serf/events.js";
import { CommandRecord } from "./command-record.js";
import { changesBetween, type FileChange, folderState } from "./folder-state.js";
import {
  bearsTraces,
  findMishandling,
  globbedName,
  hostileValue,
  type Mishandling,
  withHostileMembers,
} from "./hostile-members.js";
import { type PutBack, putBack } from "./put-back.js";
import { type Trial, tryOut } from "./trial.js";

/** What a script is tried out with. */
export interface BenchTask {
  readonly script: string;
  readonly told: SerfEvent | StateNews;
  readonly self: Member;
  /** What it inherits. */
  readonly environment: Environment;
  readonly rpcAddress: string;
  /** Absolute. */
  readonly folders: readonly string[];
  readonly timeout: Millis;
  /** Also with members whose tags are hostile. */
  readonly hostile: boolean;
}

/** What a script is given. */
export interface Given {
  readonly environment: Environment;
  readonly stdin: Bytes;
}

export interface BenchReport {
  readonly trial: Trial;
  readonly files: readonly FileChange[];
  /** Paths that it wrote to and that are in none of the folders. */
  readonly outside: readonly string[];
  /** Undefined if that was not tried. */
  readonly hostile:
    | { readonly trial: Trial; readonly mishandling: Mishandling; readonly putBack: PutBack }
    | undefined;
}

/** Larger scripts are not searched for commands and paths. */
const maxScriptBytes = 262_144;

/** Exactly what the agent would give to the script. */
export function givenTo({ environment, rpcAddress, self, told }: BenchTask): Given {
  return {
    environment: handlerEnvironment(told, self, inheritedEnvironment(environment, rpcAddress)),
    stdin: handlerInput(told),
  };
}

/** What a script is given beside what the agent itself has, which may be nobody's business. */
export function ownVariables(task: BenchTask): Environment {
  const { SERF_RPC_ADDR } = givenTo(task).environment;
  return { ...handlerEnvironment(task.told, task.self, {}), SERF_RPC_ADDR };
}

/** Runs the script for real: once as the agent would, and once more with hostile members; see {@link putBack}. */
export async function runBench(task: BenchTask): Promise<BenchReport> {
  const { folders, script, timeout } = task;
  const before = folderState(folders);
  const begunAt = Date.now();
  const trial = await tryOut({ script, timeout, ...givenTo(task) });
  const files = changesBetween(before, folderState(folders));
  const texts = scriptTexts(task);
  const hostile = task.hostile ? await runHostile(task, texts) : undefined;
  const words = [...texts, ...(hostile?.commands ?? []).flat()];
  return { trial, files, outside: writtenOutside(words, folders, begunAt), hostile };
}

async function runHostile(
  task: BenchTask,
  texts: readonly string[],
): Promise<
  (NonNullable<BenchReport["hostile"]> & { commands: readonly (readonly string[])[] }) | undefined
> {
  const { folders, script, timeout, told } = task;
  if (!("members" in told)) return undefined;
  const root = mkdtempSync(join(tmpdir(), "gossipd-handlers-test-"));
  try {
    const bait = join(root, "bait");
    mkdirSync(bait);
    writeFileSync(join(bait, globbedName), "");
    const value = hostileValue(bait);
    const { environment, stdin } = givenTo({
      ...task,
      told: { ...told, members: withHostileMembers(told.members, value) },
    });
    const path = environment.PATH ?? "/usr/local/bin:/usr/bin:/bin";
    const record = new CommandRecord(join(root, "commands"), texts, path);
    const recorded = { ...environment, PATH: `${record.folder}${delimiter}${path}` };
    const before = folderState(folders);
    const trial = await tryOut({ script, timeout, stdin, environment: recorded });
    // A file's time has fractions of a millisecond.
    const endedAt = Date.now() + 1;
    const after = folderState(folders);
    const back = putBack({ before, after, endedAt, isOwn: bearsTraces });
    const changes = changesBetween(before, after);
    const written = changes.flatMap(({ after: text = "", path: file }) => [file, text]);
    const commands = record.calls();
    const mishandling = findMishandling(
      value,
      [trial.output, ...written],
      commands,
      readdirSync(bait),
    );
    return { trial, mishandling, putBack: back, commands };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** The command line, and the files that it names. */
function scriptTexts({ script }: BenchTask): readonly string[] {
  const files = script.split(/[\s;|&()<>"'`]+/).flatMap((word) => {
    if (!word.includes("/")) return [];
    try {
      const path = resolve(word);
      const { size } = statSync(path);
      return size <= maxScriptBytes ? [readFileSync(path, "utf8")] : [];
    } catch {
      return [];
    }
  });
  return [script, ...files];
}

/** Absolute paths that a script or its commands name, that are in none of `folders` and changed since `at`. */
function writtenOutside(
  words: readonly string[],
  folders: readonly string[],
  at: number,
): readonly string[] {
  const paths = new Set(words.flatMap((word) => word.match(/(?<![\w.$}/])\/[\w.+@/-]+/g) ?? []));
  return [...paths].filter((path) => {
    if (/^\/(proc|dev|sys)(\/|$)/.test(path) || path.includes("gossipd-handlers-test-"))
      return false;
    if (folders.some((folder) => isIn(folder, path))) return false;
    const stats = statSync(path, { throwIfNoEntry: false });
    // Others write into shared folders all the time.
    return stats?.isFile() === true && stats.mtimeMs >= at;
  });
}

function isIn(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === "" || (!way.startsWith("..") && !isAbsolute(way));
}
