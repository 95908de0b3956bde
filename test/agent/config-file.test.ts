import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decodeValues, readConfigPaths } from "../../src/agent/config-file.js";
import { refuseAtOnce } from "../../src/agent/faults.js";
import { mergeLayers } from "../../src/agent/merge.js";
import { options } from "../../src/agent/options.js";
import { tempDir } from "./temp-dir.js";

const read = (...paths: string[]) => readConfigPaths(paths, refuseAtOnce);

describe("one object", () => {
  test("every key of the table is understood", () => {
    const samples = {
      text: "x",
      integer: 3,
      duration: "3s",
      limit: "3s",
      switch: true,
      toggle: true,
      list: ["x"],
      tags: { k: "v" },
      object: { a: {} },
    };
    const keyed = options.filter(({ key }) => key !== undefined);
    const object: Record<string, unknown> = {};
    for (const { key, kind } of keyed) {
      const [outer, inner] = (key as string).split(".") as [string, string | undefined];
      if (inner === undefined) object[outer] = samples[kind];
      else object[outer] = { ...(object[outer] as object), [inner]: samples[kind] };
    }
    const { values } = decodeValues(object);
    expect(Object.keys(values).sort()).toEqual(keyed.map(({ field }) => field).sort());
  });

  test.for([
    { object: { NODE_NAME: "x" }, values: { nodeName: "x" } },
    { object: { Node_Name: "x" }, values: { nodeName: "x" } },
    { object: { msgpackusenewtimeformat: true }, values: { msgpackTimeFormat: true } },
    { object: { MDNS: { Interface: "eth0" } }, values: { mdnsInterface: "eth0" } },
  ])("keys match in any case: $object", ({ object, values }) => {
    expect(decodeValues(object)).toEqual({ values, faults: [] });
  });

  test.for([
    { object: { retry_interval: "1m" }, values: { retryInterval: 60_000 } },
    { object: { retry_interval: "" }, values: {} },
    { object: { tags: { a: "1" } }, values: { tags: new Map([["a", "1"]]) } },
    {
      object: JSON.parse('{"tags":{"__proto__":"x"}}') as object,
      values: { tags: new Map([["__proto__", "x"]]) },
    },
    { object: { start_join: ["a", "b"] }, values: { startJoin: ["a", "b"] } },
    { object: { leave_on_terminate: false }, values: { leaveOnTerminate: false } },
    { object: { tags: null, bind: null }, values: {} },
    { object: null, values: {} },
  ])("$object is read", ({ object, values }) => {
    expect(decodeValues(object)).toEqual({ values, faults: [] });
  });

  test.for([
    { object: { retryjoin: 1 }, hint: 'retryjoin, did you mean "retry_join"?' },
    { object: { NodeName: 1 }, hint: 'NodeName, did you mean "node_name"?' },
    { object: { evnet_handlers: 1 }, hint: 'evnet_handlers, did you mean "event_handlers"?' },
    { object: { bnid: 1, tag: 2, x: 3 }, hint: 'bnid, tag, x, did you mean "bind", "tags"?' },
    { object: { leave_on_interrupt: true }, hint: "leave_on_interrupt" },
    { object: { dissable_ipv4: true }, hint: "dissable_ipv4" },
  ])("of an unknown key, what may have been meant is named: $hint", ({ object, hint }) => {
    expect(decodeValues(object).faults).toEqual([`'' has invalid keys: ${hint}`]);
  });

  test("in an inner object only its own keys are suggested", () => {
    expect(decodeValues({ mdns: { dissable_ipv4: true, bnid: 1 } }).faults).toEqual([
      `'mdns' has invalid keys: bnid, dissable_ipv4, did you mean "disable_ipv4"?`,
    ]);
  });

  test("the value of a secret is not shown, whatever it is", () => {
    expect(decodeValues({ encrypt_key: 12345, rpc_auth: ["s3cret"] }).faults).toEqual([
      "'encrypt_key' expected type 'string', got unconvertible type 'float64'",
      "'rpc_auth' expected type 'string', got unconvertible type '[]interface {}'",
    ]);
  });

  test("what is wrong leaves what is right", () => {
    const { values } = decodeValues({ bind: 3, node_name: "a", tags: { a: 1 }, bogus: 1 });
    expect(values).toEqual({ nodeName: "a" });
  });

  const got = "got unconvertible type";
  test.for([
    { object: { bogus: 1, zip: 2 }, fault: "'' has invalid keys: bogus, zip" },
    { object: { node_name: "a", NODE_NAME: "b" }, fault: "'' has invalid keys: NODE_NAME" },
    { object: { leave_on_interrupt: true }, fault: "'' has invalid keys: leave_on_interrupt" },
    { object: { mdns: { bogus: 1 } }, fault: "'mdns' has invalid keys: bogus" },
    { object: { mdns: 3 }, fault: "'mdns' expected a map, got 'float64'" },
    {
      object: { node_name: 1 },
      fault: `'node_name' expected type 'string', ${got} 'float64', value: '1'`,
    },
    {
      object: { interface: [1] },
      fault: `'interface' expected type 'string', ${got} '[]interface {}', value: '[1]'`,
    },
    {
      object: { retry_interval: 5 },
      fault: `'retry_interval' expected type 'string', ${got} 'float64', value: '5'`,
    },
    {
      object: { retry_interval: "5" },
      fault: `'retry_interval': time: missing unit in duration "5"`,
    },
    {
      object: { protocol: "5" },
      fault: `'protocol' expected type 'int', ${got} 'string', value: '5'`,
    },
    {
      object: { protocol: 4.5 },
      fault: `'protocol' expected type 'int', ${got} 'float64', value: '4.5'`,
    },
    {
      object: { replay_on_join: "true" },
      fault: `'replay_on_join' expected type 'bool', ${got} 'string', value: 'true'`,
    },
    {
      object: { replay_on_join: {} },
      fault: `'replay_on_join' expected type 'bool', ${got} 'map[string]interface {}', value: '{}'`,
    },
    {
      object: { tags: { a: 1 } },
      fault: `'tags[a]' expected type 'string', ${got} 'float64', value: '1'`,
    },
    { object: { tags: [] }, fault: "'tags' expected a map, got 'slice'" },
    {
      object: { start_join: "x" },
      fault: "'start_join': source data must be an array or slice, got string",
    },
    {
      object: { start_join: [1] },
      fault: `'start_join[0]' expected type 'string', ${got} 'float64', value: '1'`,
    },
    { object: [], fault: "'' expected a map, got 'slice'" },
    {
      object: { protocol: "x", bogus: 1 },
      fault: `'' has invalid keys: bogus; 'protocol' expected type 'int', ${got} 'string', value: 'x'`,
    },
  ])("$object is refused", ({ object, fault }) => {
    expect(decodeValues(object).faults.join("; ")).toBe(fault);
  });
});

describe("paths", () => {
  test("files and directories are read in the order given, directories by name", () => {
    const directory = tempDir({
      "b.json": '{"node_name":"b","start_join":["b"],"tags":{"x":"b"}}',
      "B.json": '{"start_join":["B"],"tags":{"x":"B","y":"B"}}',
      "a.json": '{"start_join":["a"]}',
      "skipped.txt": "no json",
      "skipped.json.bak": "no json",
    });
    mkdirSync(join(directory, "x.json"));
    writeFileSync(join(directory, "x.json", "inner.json"), '{"start_join":["inner"]}');
    const other = tempDir({ "first.json": '{"start_join":["first"]}' });
    symlinkSync(join(other, "first.json"), join(directory, "c.json"));
    const layers = read(join(other, "first.json"), directory);
    expect(mergeLayers(layers).settings).toMatchObject({
      nodeName: "b",
      startJoin: ["first", "B", "a", "b", "first"],
      tags: new Map([
        ["x", "b"],
        ["y", "B"],
      ]),
    });
  });

  test("a missing path is named, with the cause", () => {
    expect(() => read("/nonexistent/x")).toThrow(
      "Error reading '/nonexistent/x': open /nonexistent/x: no such file or directory",
    );
  });

  test("of a directory the file that cannot be read is named", () => {
    const directory = tempDir();
    const file = join(directory, ".#a.json");
    symlinkSync("/nonexistent/x", file);
    expect(() => read(directory)).toThrow(
      `Error reading '${file}': open ${file}: no such file or directory`,
    );
  });

  test("a bad file is named", () => {
    const directory = tempDir({ "a.json": '{"zip":1} ignored' });
    const path = join(directory, "a.json");
    expect(() => read(directory)).toThrow(`Error decoding '${path}': '' has invalid keys: zip`);
  });

  test.for([
    { text: "", fault: "EOF" },
    { text: '{"node_name":"x"', fault: "unexpected EOF" },
  ])("a file with $text is refused", ({ text, fault }) => {
    const path = join(tempDir({ "a.json": text }), "a.json");
    expect(() => read(path)).toThrow(`Error decoding '${path}': ${fault}`);
  });
});
