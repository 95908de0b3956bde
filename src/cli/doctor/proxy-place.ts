import { constants } from "node:fs";
import { dirname } from "node:path";
import { type Findings, pathWord } from "../../examine/finding.js";
import {
  findInPath,
  isAllowed,
  isExecutable,
  kindOfPath,
  nearTo,
  systemFolders,
  whyMissing,
} from "../../examine/programs.js";

/** The package that has a program, where that is not its name. */
const installations: Readonly<Record<string, string>> = {
  haproxy: "apt-get install haproxy   (or: apk add haproxy, dnf install haproxy)",
  nginx: "apt-get install nginx   (or: apk add nginx, dnf install nginx)",
  keepalived: "apt-get install keepalived   (or: apk add keepalived, dnf install keepalived)",
};

/** Where a proxy's program is; undefined, and a fault, if it is nowhere. */
export function findProxyProgram(
  binary: string,
  path: string,
  findings: Findings,
): string | undefined {
  if (binary.includes("/")) {
    if (isExecutable(binary)) return binary;
    const cause = kindOfPath(binary) === "missing" ? whyMissing(binary) : "it is not executable";
    findings.fail(`there is no program ${binary}`, {
      cause,
      remedy: [
        `give the path of the program as "binary" of the balancer`,
        `chmod +x ${pathWord(binary)}, if that is it`,
      ],
    });
    return undefined;
  }
  const found = findInPath(binary, path);
  if (found !== undefined) return found;
  const elsewhere = findInPath(binary, systemFolders);
  if (elsewhere !== undefined) {
    findings.warn(`${binary} is at ${elsewhere}, but not in the PATH of the agent (${path})`, {
      remedy: [
        `start the agent with PATH=$PATH:${dirname(elsewhere)}, or give "binary": "${elsewhere}"`,
      ],
    });
    return elsewhere;
  }
  findings.fail(`there is no program ${binary} on this machine`, {
    cause: "without it the configuration is neither checked nor served",
    remedy: [
      installations[binary] ?? `install ${binary}`,
      `or, if it is elsewhere, give its path as "binary"`,
    ],
  });
  return undefined;
}

/** Whether a file is there to be read; a fault if it is not. */
export function isReadableFile(file: string, findings: Findings, sample?: string): boolean {
  const kind = kindOfPath(file);
  if (kind === "file") {
    if (isAllowed(file, constants.R_OK)) return true;
    findings.fail("this user may not read it", {
      remedy: [`ls -l ${pathWord(file)}`, "run this as the agent's user, or as root"],
    });
    return false;
  }
  if (kind === "folder") {
    findings.fail("is a folder, not a file", {
      cause: "a container makes a folder of a mount whose source is not there",
      remedy: [`rmdir ${pathWord(file)}, and put the file there`],
    });
    return false;
  }
  const near = nearTo(file);
  const make =
    sample === undefined
      ? `put the file there`
      : `to begin with: install -D ${sample} ${pathWord(file)}`;
  findings.fail("there is no such file", {
    cause: whyMissing(file),
    remedy: [near === undefined ? make : `if ${near} is meant, name that; ${make}`],
  });
  return false;
}

/** A file that is replaced needs a folder that may be written. */
export function examineFolder(folder: string, what: string, findings: Findings): void {
  const kind = kindOfPath(folder);
  if (kind === "missing") {
    findings.fail(`there is no folder ${folder}, ${what}`, {
      remedy: [`mkdir -p ${pathWord(folder)}`],
    });
  } else if (kind !== "folder") findings.fail(`${folder} is no folder, ${what}`);
  else if (!isAllowed(folder, constants.W_OK)) {
    findings.fail(`this user may not write into ${folder}, ${what}`, {
      cause: "a file is replaced as a whole, by a new one in the same folder",
      remedy: [`chown $(id -un) ${pathWord(folder)}, or run the agent as the folder's owner`],
    });
  }
}
