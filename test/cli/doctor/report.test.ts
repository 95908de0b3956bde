import { expect, test } from "vitest";
import { diagnosisJson, diagnosisText, exitCodeOf } from "../../../src/cli/doctor/report.js";
import {
  type CheckName,
  type Finding,
  Findings,
  operand,
  pathWord,
  shellWord,
} from "../../../src/examine/finding.js";

function fault(check: CheckName, about: string): readonly Finding[] {
  const findings = new Findings(check, about);
  findings.fail(`${about} is wrong`, { cause: "because", remedy: ["do this", "then that"] });
  return findings.all;
}

function well(): readonly Finding[] {
  const findings = new Findings("members", "members");
  findings.ok("3");
  findings.skip("no key");
  return findings.all;
}

test("what clients see comes first, then causes before what comes of them, each with its remedy", () => {
  const findings = [
    ...fault("pool", "backend web"),
    ...fault("backend", "web1"),
    ...fault("handler", "h.sh"),
    ...well(),
  ];
  expect(diagnosisText({ findings, cutOff: [] }, false)).toBe(`backend web: backend web is wrong

2 faults, the likeliest cause of the others first:

1. h.sh: h.sh is wrong
   cause:  because
   remedy: do this
           then that

2. web1: web1 is wrong
   cause:  because
   remedy: do this
           then that

1 check well, 1 skipped; -verbose lists them.
`);
});

test("a pool that is all there is to tell is a fault of its own", () => {
  const text = diagnosisText({ findings: fault("pool", "backend web"), cutOff: [] }, false);
  expect(text).toMatch(/^1 fault:\n\n1\. backend web: backend web is wrong\n/);
});

test("scripts learn from the exit status and from JSON", () => {
  const faults = { findings: fault("pool", "web"), cutOff: [] };
  const unable = { findings: well(), cutOff: ["the cluster"] };
  const fine = { findings: well(), cutOff: [] };
  expect([fine, faults, unable].map(exitCodeOf)).toEqual([0, 1, 2]);
  expect(JSON.parse(diagnosisJson(faults))).toEqual({
    verdict: "faults",
    cutOff: [],
    findings: [
      {
        check: "pool",
        about: "web",
        result: "fail",
        found: "web is wrong",
        cause: "because",
        remedy: ["do this", "then that"],
      },
    ],
  });
  expect(diagnosisText(fine, true)).toBe(
    "well     members: 3\nskipped  members: no key\nNo fault found: 1 check well, 1 skipped.\n",
  );
  expect(diagnosisText(unable, false)).toContain(
    "Not finished in time: the cluster\nUnable to tell",
  );
});

test("what others wrote reaches no terminal as it is, and no shell", () => {
  const text = diagnosisText({ findings: fault("members", "a\u001b[2Jb\nc"), cutOff: [] }, false);
  expect(text).toContain("a\\x1b[2Jb\\nc");
  expect(["web-1", "a b", "$(x)", "it's"].map(shellWord)).toEqual([
    "web-1",
    "'a b'",
    "'$(x)'",
    `'it'\\''s'`,
  ]);
});

test("names that begin with a dash are no flags of the commands that they are pasted into", () => {
  expect(["-rf", "-a b", "/etc/-x", "x-"].map(pathWord)).toEqual([
    "./-rf",
    "'./-a b'",
    "/etc/-x",
    "x-",
  ]);
  expect(["-prune", "-$(x)", "web-1"].map(operand)).toEqual(["-- -prune", "-- '-$(x)'", "web-1"]);
});
