import {
  chmodSync,
  chownSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadKeyring, saveKeyring } from "../../src/agent/keyring-file.js";
import { asOrdinaryUser } from "./ordinary-user.js";
import { tempDir } from "./temp-dir.js";

const [first, second] = [new Uint8Array(16).fill(1), new Uint8Array(32).fill(2)];
const text = `[
  "AQEBAQEBAQEBAQEBAQEBAQ==",
  "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="
]`;
const path = (files: Record<string, string> = {}): string => join(tempDir(files), "keys.json");
const old = { "keys.json": '["AQEBAQEBAQEBAQEBAQEBAQ=="]' };

test("the keys are written as Serf writes them, primary first, and read again", () => {
  const file = path();
  saveKeyring(file, [first, second]);
  expect(readFileSync(file, "utf8")).toBe(text);
  const keyring = loadKeyring({ encryptKey: "", keyringFile: file });
  expect(keyring?.keys()).toEqual([first, second]);
});

test("a new file is for the owner alone", () => {
  const file = path();
  saveKeyring(file, [first]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test.for([0o600, 0o640, 0o644])("a file of mode %o keeps it", (mode) => {
  const file = path(old);
  chmodSync(file, mode);
  saveKeyring(file, [first, second]);
  expect(statSync(file).mode & 0o777).toBe(mode);
  expect(readFileSync(file, "utf8")).toBe(text);
});

test.runIf(process.geteuid?.() === 0)("a file of somebody else stays theirs", () => {
  const file = path(old);
  chownSync(file, 1_234, 2_345);
  saveKeyring(file, [first, second]);
  expect(statSync(file)).toMatchObject({ uid: 1_234, gid: 2_345 });
});

test("a new file takes the place of the old one, so that a crash leaves one of them", () => {
  const file = path(old);
  const before = statSync(file).ino;
  saveKeyring(file, [first, second]);
  expect(statSync(file).ino).not.toBe(before);
  expect(readdirSync(join(file, ".."))).toEqual(["keys.json"]);
});

test("a link stays a link, and the file behind it is rewritten", () => {
  const [file, folder] = [path(old), tempDir()];
  const link = join(folder, "link.json");
  symlinkSync(file, link);
  saveKeyring(link, [first, second]);
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(readFileSync(file, "utf8")).toBe(text);
  expect(readdirSync(folder)).toEqual(["link.json"]);
});

test("what a crash left beside the file is in nobody's way", () => {
  const file = path(old);
  writeFileSync(`${file}.${process.pid}.tmp`, "half a ke");
  saveKeyring(file, [first, second]);
  expect(readdirSync(join(file, ".."))).toEqual(["keys.json"]);
});

test("in a folder where no file can be made, a file that can be written is", () => {
  const file = path(old);
  chmodSync(file, 0o666);
  const folder = join(file, "..");
  chmodSync(folder, 0o555);
  asOrdinaryUser(() => saveKeyring(file, [first, second]));
  expect(readFileSync(file, "utf8")).toBe(text);
  expect(statSync(file).mode & 0o777).toBe(0o666);
  chmodSync(folder, 0o755);
});

test("a file that cannot be written stays as it is, and is named", () => {
  const file = path(old);
  chmodSync(file, 0o444);
  const folder = join(file, "..");
  chmodSync(folder, 0o555);
  asOrdinaryUser(() =>
    expect(() => saveKeyring(file, [first, second])).toThrow(
      `Failed to write keyring file: open ${file}: permission denied`,
    ),
  );
  chmodSync(folder, 0o755);
  expect(readFileSync(file, "utf8")).toBe(old["keys.json"]);
});

test("a link to a file that is gone leads to a new one", () => {
  const folder = tempDir();
  const [link, file] = [join(folder, "link.json"), join(folder, "keys.json")];
  symlinkSync("keys.json", link);
  saveKeyring(link, [first, second]);
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(readFileSync(file, "utf8")).toBe(text);
});

test.for([
  { what: "nowhere", target: "/nonexistent/keys.json", reason: "no such file or directory" },
  { what: "itself", target: "keys.json", reason: "too many levels of symbolic links" },
])("a link to $what is named", ({ target, reason }) => {
  const file = path();
  symlinkSync(target, file);
  const whole = `Failed to write keyring file: open ${file}: ${reason}`;
  expect(() => saveKeyring(file, [first])).toThrow(whole);
});

test("a folder in the file's place is named", () => {
  const folder = tempDir({ inside: "" });
  expect(() => saveKeyring(folder, [first])).toThrow(
    `Failed to write keyring file: open ${folder}: is a directory`,
  );
  expect(readdirSync(folder)).toEqual(["inside"]);
});
