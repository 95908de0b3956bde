import { chmodSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readAgentFiles } from "../../src/agent/agent-files.js";
import { loadKeyring } from "../../src/agent/keyring-file.js";
import { defaults } from "../../src/agent/merge.js";
import { readTagsFile, writeTagsFile } from "../../src/agent/tags-file.js";
import { asOrdinaryUser } from "./ordinary-user.js";
import { tempDir } from "./temp-dir.js";

describe("tags file", () => {
  test("is written sorted, indented by two, without a final newline, for the owner alone", () => {
    const path = join(tempDir(), "tags.json");
    writeTagsFile(
      path,
      new Map([
        ["b", "2"],
        ["a", 'x"y'],
      ]),
    );
    expect(readFileSync(path, "utf8")).toBe('{\n  "a": "x\\"y",\n  "b": "2"\n}');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readTagsFile(path)).toEqual(
      new Map([
        ["a", 'x"y'],
        ["b", "2"],
      ]),
    );
  });

  test("is replaced as a whole, closed to others, and a link stays a link", () => {
    const directory = tempDir({ "tags.json": '{"old":"1"}' });
    const path = join(directory, "tags.json");
    const link = join(directory, "link.json");
    chmodSync(path, 0o644);
    symlinkSync(path, link);
    writeTagsFile(link, new Map());
    expect(readFileSync(path, "utf8")).toBe("{}");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readdirSync(directory).sort()).toEqual(["link.json", "tags.json"]);
  });

  test("is rewritten in a folder where no file can be made", () => {
    const directory = tempDir({ "tags.json": '{"old":"1"}' });
    const path = join(directory, "tags.json");
    chmodSync(path, 0o666);
    chmodSync(directory, 0o555);
    asOrdinaryUser(() => writeTagsFile(path, new Map([["a", "1"]])));
    expect(readFileSync(path, "utf8")).toBe('{\n  "a": "1"\n}');
    expect(readdirSync(directory)).toEqual(["tags.json"]);
    chmodSync(directory, 0o755);
  });

  test("that cannot be written is named", () => {
    expect(() => writeTagsFile("/nonexistent/tags.json", new Map())).toThrow(
      "Failed to write tags file: open /nonexistent/tags.json: no such file or directory",
    );
  });

  test.for([
    { text: '{"a":1}', fault: 'Failed to decode tags file: the value of "a" is no string' },
    { text: "[]", fault: "Failed to decode tags file: expected an object of strings" },
    { text: "{", fault: "Failed to decode tags file: unexpected EOF" },
  ])("with $text is refused", ({ text, fault }) => {
    const path = join(tempDir({ "tags.json": text }), "tags.json");
    expect(() => readTagsFile(path)).toThrow(fault);
  });

  test("replaces the tags at the start, if it is there", () => {
    const tagsFile = join(tempDir({ "tags.json": '{"a":"1"}' }), "tags.json");
    expect(readAgentFiles({ ...defaults, tagsFile }).tags).toEqual(new Map([["a", "1"]]));
    expect(readAgentFiles({ ...defaults, tagsFile: `${tagsFile}x` }).tags).toEqual(new Map());
  });

  test("admits no tags from elsewhere", () => {
    const tags = new Map([["a", "1"]]);
    expect(() => readAgentFiles({ ...defaults, tags, tagsFile: "/tmp/x" })).toThrow(
      "Tags config not allowed while using tag files",
    );
  });
});

describe("keys", () => {
  const key = (size: number): string => Buffer.alloc(size, size).toString("base64");
  const keyringFile = (text: string): string => join(tempDir({ "keys.json": text }), "keys.json");

  test("are absent without encryption", () => {
    expect(loadKeyring({ encryptKey: "", keyringFile: "" })).toBeUndefined();
  });

  test.for([16, 24, 32])("of %i bytes can be given", (size) => {
    const keyring = loadKeyring({ encryptKey: key(size), keyringFile: "" });
    expect(keyring?.primary).toEqual(new Uint8Array(size).fill(size));
  });

  test("come from a file, the first is the primary", () => {
    const file = keyringFile(JSON.stringify([key(32), key(16)]));
    const keyring = loadKeyring({ encryptKey: "", keyringFile: file });
    expect(keyring?.keys().map((one) => one.length)).toEqual([32, 16]);
    expect(keyring?.primary).toHaveLength(32);
  });

  test.for([
    { encryptKey: "abc", fault: /^Invalid encryption key: illegal base64 data at input byte 0$/ },
    { encryptKey: "YWJjZGVmZ2hpamtsbW5v_w==", fault: /illegal base64 data at input byte 20$/ },
    { encryptKey: `${key(16)}=`, fault: /illegal base64 data/ },
    { encryptKey: "YWJj", fault: /^Invalid encryption key: key size must be 16, 24 or 32 bytes$/ },
  ])("$encryptKey is refused", ({ encryptKey, fault }) => {
    expect(() => loadKeyring({ encryptKey, keyringFile: "" })).toThrow(fault);
  });

  test.for([
    { text: "[]", fault: /^Keyring file contains no keys$/ },
    { text: '["abc"]', fault: /^Failed to decode key from keyring: illegal base64 data/ },
    { text: '["YWJj"]', fault: /^Failed to restore keyring: key size must be 16, 24 or 32 bytes$/ },
    { text: "{}", fault: /^Failed to decode keyring file: expected a list of strings$/ },
    { text: "[1]", fault: /^Failed to decode keyring file: expected a list of strings$/ },
    { text: "x", fault: /^Failed to decode keyring file: / },
  ])("a keyring of $text is refused", ({ text, fault }) => {
    const file = keyringFile(text);
    expect(() => loadKeyring({ encryptKey: "", keyringFile: file })).toThrow(fault);
  });

  test("a keyring file that is missing is named", () => {
    expect(() => loadKeyring({ encryptKey: "", keyringFile: "/nonexistent" })).toThrow(
      "open /nonexistent: no such file or directory",
    );
  });

  test("both at once are refused", () => {
    expect(() => loadKeyring({ encryptKey: key(16), keyringFile: "x" })).toThrow(
      "Encryption key not allowed while using a keyring",
    );
  });
});
