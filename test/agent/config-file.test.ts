import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decodeLayer, readConfigPaths } from "../../src/agent/config-file.js";
import { options } from "../../src/agent/options.js";
import { tempDir } from "./temp-dir.js";

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
    };
    const keyed = options.filter(({ key }) => key !== undefined);
    const object: Record<string, unknown> = {};
    for (const { key, kind } of keyed) {
      const [outer, inner] = (key as string).split(".") as [string, string | undefined];
      if (inner === undefined) object[outer] = samples[kind];
      else object[outer] = { ...(object[outer] as object), [inner]: samples[kind] };
    }
    const layer = decodeLayer(object);
    expect(Object.keys(layer).sort()).toEqual(keyed.map(({ field }) => field).sort());
  });

  test.for([
    { object: { NODE_NAME: "x" }, layer: { nodeName: "x" } },
    { object: { Node_Name: "x" }, layer: { nodeName: "x" } },
    { object: { msgpackusenewtimeformat: true }, layer: { msgpackTimeFormat: true } },
    { object: { MDNS: { Interface: "eth0" } }, layer: { mdnsInterface: "eth0" } },
  ])("keys match in any case: $object", ({ object, layer }) => {
    expect(decodeLayer(object)).toEqual(layer);
  });

  test.for([
    { object: { retry_interval: "1m" }, layer: { retryInterval: 60_000 } },
    { object: { retry_interval: "" }, layer: {} },
    { object: { tags: { a: "1" } }, layer: { tags: new Map([["a", "1"]]) } },
    {
      object: JSON.parse('{"tags":{"__proto__":"x"}}') as object,
      layer: { tags: new Map([["__proto__", "x"]]) },
    },
    { object: { start_join: ["a", "b"] }, layer: { startJoin: ["a", "b"] } },
    { object: { leave_on_terminate: false }, layer: { leaveOnTerminate: false } },
    { object: { tags: null, bind: null }, layer: {} },
    { object: null, layer: {} },
  ])("$object is read", ({ object, layer }) => {
    expect(decodeLayer(object)).toEqual(layer);
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
    expect(() => decodeLayer(object)).toThrow(fault);
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
    const layer = readConfigPaths([join(other, "first.json"), directory]);
    expect(layer).toEqual({
      nodeName: "b",
      startJoin: ["first", "B", "a", "b", "first"],
      tags: new Map([
        ["x", "b"],
        ["y", "B"],
      ]),
    });
  });

  test("a missing path is named, with the cause", () => {
    expect(() => readConfigPaths(["/nonexistent/x"])).toThrow(
      "Error reading '/nonexistent/x': open /nonexistent/x: no such file or directory",
    );
  });

  test("a bad file is named", () => {
    const directory = tempDir({ "a.json": '{"zip":1} ignored' });
    const path = join(directory, "a.json");
    expect(() => readConfigPaths([directory])).toThrow(
      `Error decoding '${path}': '' has invalid keys: zip`,
    );
  });

  test.for([
    { text: "", fault: "EOF" },
    { text: '{"node_name":"x"', fault: "unexpected EOF" },
  ])("a file with $text is refused", ({ text, fault }) => {
    const path = join(tempDir({ "a.json": text }), "a.json");
    expect(() => readConfigPaths([path])).toThrow(`Error decoding '${path}': ${fault}`);
  });
});
