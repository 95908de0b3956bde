import { expect, test } from "vitest";
import { formatLine } from "../../src/agent/log-line.js";
import { defaults } from "../../src/agent/merge.js";
import { options } from "../../src/agent/options.js";
import {
  compareSettings,
  logReload,
  logTags,
  reloadedSettings,
} from "../../src/agent/reload-report.js";
import type { Values } from "../../src/agent/settings.js";
import { RecordedLog } from "../support/recorded-log.js";

/** What a reload logs, without the times. */
function told(before: Values, after: Values): string[] {
  const log = new RecordedLog();
  const changes = compareSettings({ ...defaults, ...before }, { ...defaults, ...after });
  logReload(log, changes);
  logTags(log, changes);
  const records = log.lines.map((line) => ({ ...line, time: 0, component: "agent" }));
  return records.map((record) => formatLine(record).slice("YYYY/MM/DD HH:MM:SS ".length));
}

const tags = (pairs: Record<string, string>) => new Map(Object.entries(pairs));

test.for<{ before: Values; after: Values; lines: string[] }>([
  {
    before: { logLevel: "info" },
    after: { logLevel: "debug", leaveOnTerminate: false },
    lines: [
      "[INFO] agent: setting changed setting=log_level from=info to=debug",
      "[INFO] agent: setting changed setting=leave_on_terminate from=true to=false",
    ],
  },
  {
    before: { eventHandlers: ["a.sh", "b.sh", "a.sh"] },
    after: { eventHandlers: ["a.sh", "user=c d"] },
    lines: [
      "[INFO] agent: event handler removed handler=b.sh",
      "[INFO] agent: event handler removed handler=a.sh",
      '[INFO] agent: event handler added handler="user=c d"',
    ],
  },
  {
    before: { eventHandlers: ["a.sh", "b.sh"] },
    after: { eventHandlers: ["b.sh", "a.sh"] },
    lines: ["[INFO] agent: event handlers reordered"],
  },
  {
    before: { tags: tags({ a: "1", b: "1", c: "1" }) },
    after: { tags: tags({ a: "1", b: "2", d: "1" }) },
    lines: [
      "[INFO] agent: configured tag changed tag=b from=1 to=2",
      "[INFO] agent: configured tag changed tag=c from=1",
      "[INFO] agent: configured tag changed tag=d to=1",
    ],
  },
  {
    before: { role: "", tags: tags({}) },
    after: { role: "web", tags: tags({ role: "web" }) },
    lines: ["[INFO] agent: configured tag changed tag=role to=web"],
  },
  {
    before: { rpcAuth: "s3cret", bind: "a", retryInterval: 1_000 },
    after: { rpcAuth: "s3cr3t", bind: "b", retryInterval: 2_000, retryJoin: ["x"] },
    lines: [
      '[WARN] agent: settings changed that need a restart settings="bind retry_join retry_interval rpc_auth"',
    ],
  },
  {
    before: { startJoin: ["a"], tags: tags({ a: "1" }), configPaths: ["x"] },
    after: { startJoin: ["a"], tags: tags({ a: "1" }), configPaths: ["x"] },
    lines: ["[INFO] agent: reload changed nothing"],
  },
])("$before to $after is told", ({ before, after, lines }) => {
  expect(told(before, after)).toEqual(lines);
});

test("what needs a restart stays as it is, so that every reload tells of it", () => {
  const before = { ...defaults, bind: "a", logLevel: "info" };
  const after = { ...defaults, bind: "b", logLevel: "warn" };
  const taken = reloadedSettings(before, after);
  expect(taken).toMatchObject({ bind: "a", logLevel: "warn" });
  expect(compareSettings(taken, after)).toMatchObject({ settings: [], needRestart: ["bind"] });
});

test("a reload takes over what compat.md section 15 names, and what is not in Serf", () => {
  const reloadable = options.filter((option) => option.reloadable === true);
  expect(reloadable.map(({ field }) => field).sort()).toEqual([
    "drainTimeout",
    "eventHandlers",
    "lbFile",
    "leaveOnTerminate",
    "loadBalancer",
    "logLevel",
    "role",
    "skipLeaveOnInterrupt",
    "tags",
  ]);
});
