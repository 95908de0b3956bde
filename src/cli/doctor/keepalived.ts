import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { type Finding, Findings, shellWord } from "../../examine/finding.js";
import { findInPath, kindOfPath, systemFolders } from "../../examine/programs.js";
import { firstCommand } from "../../examine/shell-words.js";
import { programFailure, runProgram } from "../../lb/run-program.js";
import { isReadableFile } from "./proxy-place.js";

/** How long keepalived may take for its check. */
const checkTimeout = 10_000;

/** What keeps a keepalived from moving the shared address when the proxy beside it dies (loadbalancer.md 1.9, 6). */
export async function examineKeepalived(file: string, path: string): Promise<readonly Finding[]> {
  const findings = new Findings("keepalived", file);
  if (!isReadableFile(file, findings, "handlers/lb/keepalived.conf")) return findings.all;
  const text = await readFile(file, "utf8");
  await checkWords(file, path, findings);
  for (const { block, body, line } of blocksOf(text)) {
    if (/^vrrp_script\b/.test(block)) examineScript(block, body, line, file, path, findings);
    if (/^vrrp_instance\b/.test(block)) examineInstance(block, body, file, findings);
    if (/^(vrrp_)?track_file\b/.test(block)) examineTrackFile(block, body, findings);
  }
  if (!findings.hasFaults) findings.ok("nothing in it keeps the address from moving");
  return findings.all;
}

async function checkWords(file: string, path: string, findings: Findings): Promise<void> {
  const program = findInPath("keepalived", `${path}:${systemFolders}`);
  if (program === undefined) {
    findings.fail("there is no program keepalived on this machine", {
      remedy: ["apt-get install keepalived   (or: apk add keepalived, dnf install keepalived)"],
    });
    return;
  }
  const argv = [program, "-t", "-f", file];
  const result = await runProgram(argv, { timeout: checkTimeout });
  const failure = programFailure(argv, { timeout: checkTimeout }, result);
  if (failure === undefined) return;
  const [line, ...more] = result.output.split("\n").filter((one) => one.trim() !== "");
  // It runs the scripts all the same.
  if (line !== undefined && more.length === 0 && line.startsWith("SECURITY VIOLATION")) {
    findings.warn("its scripts are run without a look at who may change them", {
      remedy: [
        `add to global_defs of ${file}: script_user root, and in the next line enable_script_security`,
      ],
    });
    return;
  }
  findings.fail(`keepalived refuses it: ${failure}`, { remedy: [argv.map(shellWord).join(" ")] });
}

interface Block {
  /** `vrrp_script check_haproxy` */
  readonly block: string;
  readonly body: string;
  readonly line: number;
}

/** The outermost blocks. */
function blocksOf(text: string): readonly Block[] {
  const blocks: Block[] = [];
  let depth = 0;
  let current: { block: string; lines: string[]; line: number } | undefined;
  for (const [index, whole] of text.split("\n").entries()) {
    const code = whole.replace(/[#!].*$/, "");
    if (depth === 0 && code.includes("{")) {
      current = { block: code.replace(/\{.*$/, "").trim(), lines: [], line: index + 1 };
    }
    current?.lines.push(code);
    depth += (code.match(/\{/g) ?? []).length - (code.match(/\}/g) ?? []).length;
    if (depth === 0 && current !== undefined) {
      blocks.push({ block: current.block, body: current.lines.join("\n"), line: current.line });
      current = undefined;
    }
  }
  return blocks;
}

function examineScript(
  block: string,
  body: string,
  line: number,
  file: string,
  path: string,
  findings: Findings,
): void {
  const script = /^\s*script\s+(?:"([^"]*)"|(\S.*))$/m.exec(body);
  const command = script?.[1] ?? script?.[2] ?? "";
  const weight = Number(/^\s*weight\s+(-?\d+)/m.exec(body)?.[1] ?? 0);
  const [program = ""] = firstCommand(command).words;
  const there = program.includes("/")
    ? kindOfPath(program) === "file"
    : findInPath(program, `${path}:${systemFolders}`) !== undefined;
  if (program !== "" && !there) {
    findings.fail(`${block} runs ${program}, which is not there`, {
      cause: "a check that cannot be run fails always",
      remedy: [`install ${program}, or correct the script of ${block} in ${file}`],
    });
  }
  if (weight > 0) {
    findings.fail(`${block} has weight ${weight}: the address never moves when its check fails`, {
      cause:
        "a weight above 0 is added while the check succeeds, and nothing is taken away when it fails",
      remedy: [
        `remove the line "weight ${weight}" below line ${line} of ${file}: without one the failure counts at once`,
      ],
    });
  } else if (weight < 0) {
    findings.warn(`${block} has weight ${weight}: the address moves only after 4 to 5 s`, {
      remedy: [
        `remove the line "weight ${weight}" below line ${line} of ${file}: without one it takes 1.5 s`,
      ],
    });
  }
  if (/\b(killall|pkill|kill)\s+-0\b/.test(command)) {
    findings.warn(
      `${block} asks with kill -0, which takes a zombie and a proxy that hangs for a living one`,
      {
        remedy: [
          `script "/etc/gossipd/check-haproxy.sh" as in handlers/lb/check-haproxy.sh, which asks HAProxy itself`,
        ],
      },
    );
  }
}

function examineInstance(block: string, body: string, file: string, findings: Findings): void {
  const name = /^\s*interface\s+(\S+)/m.exec(body)?.[1];
  const known = Object.keys(networkInterfaces());
  if (name !== undefined && !known.includes(name)) {
    findings.fail(`${block} uses the interface ${name}, which is not there`, {
      remedy: [`change "interface ${name}" in ${file} to one of: ${known.join(", ")}`],
    });
  }
  if (!/\btrack_(script|file|process)\b/.test(body)) {
    findings.fail(`${block} tracks nothing: the address stays when the proxy dies`, {
      remedy: [`add to it: track_script { NAME OF A vrrp_script }`],
    });
  }
}

function examineTrackFile(block: string, body: string, findings: Findings): void {
  const path = /^\s*file\s+"?([^"\s]+)/m.exec(body)?.[1];
  if (path === undefined || kindOfPath(path) === "file") return;
  findings.warn(`${block} reads ${path}, which is not there`, {
    cause: "gossipd makes it when it is named as track_file of its load balancer",
    remedy: [`set "track_file": "${path}" in the load balancer's configuration`],
  });
}
