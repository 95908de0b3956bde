import { describe, expect, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import type { Bytes } from "../../src/base/units.js";
import { KeyAnswers } from "../../src/serf/key-answers.js";
import { Keyring } from "../../src/wire/keyring.js";
import {
  decodeSerfMessage,
  encodeSerfMessage,
  type KeyResponse,
} from "../../src/wire/serf-messages.js";
import { EncryptedGroup } from "../support/encrypted-group.js";
import { RecordedLog } from "../support/recorded-log.js";
import { hex, loadVectors, unhex } from "../wire/vectors.js";

const keyOf = (fill: number, size = 16): Bytes => new Uint8Array(size).fill(fill);
const base64 = (key: Bytes): string => Buffer.from(key).toString("base64");
const [oldKey, newKey] = [keyOf(1), keyOf(2)];
const request = (key: Bytes | undefined): Bytes => encodeSerfMessage({ kind: "key-request", key });

const vectors = loadVectors<{ serf: { name: string; hex: string }[] }>("messages.json").serf;
const vector = (name: string): string => vectors.find((one) => one.name === name)?.hex ?? "";

interface Holder {
  readonly keys: KeyAnswers;
  readonly keyring: Keyring;
  readonly log: RecordedLog;
  /** What was saved, each time. */
  readonly saved: (readonly Bytes[])[];
}

function holderOf(ring: readonly Bytes[], fault?: string): Holder {
  const keyring = new Keyring(ring);
  const log = new RecordedLog();
  const saved: (readonly Bytes[])[] = [];
  const save = (keys: readonly Bytes[]): void => {
    if (fault !== undefined) throw new OperatorError(fault);
    saved.push(keys);
  };
  return { keys: new KeyAnswers({ keyring, log, save }), keyring, log, saved };
}

function decode(answer: Bytes | undefined): KeyResponse {
  const message = decodeSerfMessage(answer ?? new Uint8Array(0));
  if (message.kind !== "key-response") throw new Error(`it is a ${message.kind}`);
  return message;
}

describe("a change", () => {
  test("is answered with Serf's bytes, from a request with Serf's bytes", () => {
    const { keys, keyring } = holderOf([oldKey]);
    expect(hex(keys.change("install", unhex(vector("key_request"))))).toBe(
      vector("key_response_ok"),
    );
    expect(keyring.keys()[1]).toEqual(Uint8Array.from(Buffer.from("0123456789abcdef")));
  });

  test("is saved before it is answered, primary first", () => {
    const { keys, saved } = holderOf([oldKey]);
    keys.change("install", request(newKey));
    keys.change("use", request(newKey));
    keys.change("remove", request(oldKey));
    expect(saved).toEqual([[oldKey, newKey], [newKey, oldKey], [newKey]]);
  });

  test.for([
    { change: "install", key: keyOf(3), text: "Failed to install key" },
    { change: "use", key: newKey, text: "Failed to change primary key" },
    { change: "remove", key: newKey, text: "Failed to remove key" },
  ] as const)("that cannot be saved is undone: $change", ({ change, key, text }) => {
    const fault = "Failed to write keyring file: open /etc/keys: permission denied";
    const { keys, keyring, log } = holderOf([oldKey, newKey], fault);
    const answer = decode(keys.change(change, request(key)));
    expect(answer).toMatchObject({ result: false, message: fault });
    expect(keyring.keys()).toEqual([oldKey, newKey]);
    expect(log.at("error")).toEqual([`${text}: ${fault}`]);
  });

  test("that is refused is not saved", () => {
    const { keys, saved } = holderOf([oldKey]);
    for (const key of [keyOf(1, 15), undefined]) {
      const { result, message } = decode(keys.change("install", request(key)));
      expect([result, message]).toEqual([false, "key size must be 16, 24 or 32 bytes"]);
    }
    expect(saved).toEqual([]);
  });

  test("that failed for another reason than the operator's is our own fault", () => {
    const keyring = new Keyring([oldKey]);
    const save = (): void => {
      throw new RangeError("ours");
    };
    const keys = new KeyAnswers({ keyring, log: new RecordedLog(), save });
    expect(() => keys.change("install", request(newKey))).toThrow(RangeError);
  });

  test.for([undefined, "", "07", "0781a34b6579", "06c0", "ff"])(
    "that cannot be read is refused: %s",
    (payload) => {
      const { keys, keyring, log } = holderOf([oldKey]);
      const answer = keys.change("install", payload === undefined ? payload : unhex(payload));
      expect(decode(answer)).toMatchObject({
        result: false,
        message: "Failed to decode key request",
      });
      expect(keyring.keys()).toEqual([oldKey]);
      expect(log.at("error")).toEqual(["Failed to decode key request"]);
    },
  );
});

describe("a list", () => {
  const fitsIn =
    (bytes: number) =>
    (answer: Bytes): boolean =>
      answer.length <= bytes;

  test("has Serf's bytes", () => {
    const { keys } = holderOf([Uint8Array.from(Buffer.from("0123456789abcdef"))]);
    expect(hex(keys.list(1_024, () => true) ?? new Uint8Array(0))).toBe(
      vector("key_response_list"),
    );
  });

  test("names the primary, and all keys in order", () => {
    const { keys } = holderOf([newKey, oldKey, keyOf(3, 32)]);
    expect(decode(keys.list(1_024, () => true))).toEqual({
      kind: "key-response",
      result: true,
      message: "",
      keys: [newKey, oldKey, keyOf(3, 32)].map(base64),
      primaryKey: base64(newKey),
    });
  });

  test.for([
    { what: "more keys than it begins with", count: 60, size: 16 },
    { what: "fewer keys, of which Serf 0.9.4 dies", count: 30, size: 32 },
  ])("of $what shows as many as fit, and says so", ({ count, size }) => {
    const ring = Array.from({ length: count }, (_, index) => keyOf(index, size));
    const { keys, log } = holderOf(ring);
    const answer = decode(keys.list(1_024, fitsIn(950)));
    const shown = answer.keys ?? [];
    const message = `truncated key list response, showing first ${shown.length} of ${count} keys`;
    expect(answer).toMatchObject({ result: true, message, primaryKey: base64(keyOf(0, size)) });
    expect(shown).toEqual(ring.slice(0, shown.length).map(base64));
    expect(log.at("warn")).toEqual([message]);
    // One key more would not have fitted.
    const longer = encodeSerfMessage({
      ...answer,
      message: message.replace(`${shown.length}`, `${shown.length + 1}`),
      keys: ring.slice(0, shown.length + 1).map(base64),
    });
    expect(longer.length).toBeGreaterThan(950);
  });

  test("begins with as many keys as short ones could fit", () => {
    const ring = Array.from({ length: 60 }, (_, index) => keyOf(index));
    let first = 0;
    holderOf(ring).keys.list(1_024, (answer) => {
      const { keys = [] } = decode(answer);
      if (keys.length < ring.length) first ||= keys.length;
      return false;
    });
    expect(first).toBe(40);
  });

  test("of which nothing fits is not answered", () => {
    const { keys, log } = holderOf([oldKey, newKey]);
    expect(keys.list(1_024, () => false)).toBeUndefined();
    expect(log.at("error")).toEqual(["Failed to truncate response so that it fits into message"]);
  });
});

describe("over the network", () => {
  test.for([
    { limit: 1_024, shown: 24 },
    { limit: 512, shown: 9 },
  ])("a response of at most $limit bytes shows $shown of 40 keys", ({ limit, shown }) => {
    const ring = Array.from({ length: 40 }, (_, index) => keyOf(index + 1, 24));
    const group = new EncryptedGroup();
    const { node } = group.add("a", ring, { queryResponseSizeLimit: limit });
    const message = `truncated key list response, showing first ${shown} of 40 keys`;
    const report = group.keys("list");
    expect(report).toMatchObject({ error: undefined, messages: new Map([["a", message]]) });
    expect([...report.keys]).toEqual(ring.slice(0, shown).map((key) => [base64(key), 1]));
    expect(node.log.at("warn")).toContain(message);
    expect(node.log.at("error")).toEqual([]);
  });

  test("a node that cannot save fails, the others go on; all can do it again", () => {
    const group = new EncryptedGroup();
    group.add("a", [oldKey]);
    let full = true;
    group.add("b", [oldKey], {
      saveKeyring: () => {
        if (full) throw new OperatorError("Failed to write keyring file: no space left on device");
      },
    });
    const first = group.keys("install", newKey);
    expect(first).toMatchObject({
      error: "1/2 nodes reported failure",
      messages: new Map([["b", "Failed to write keyring file: no space left on device"]]),
    });
    expect(group.rings).toEqual([[oldKey, newKey], [oldKey]]);
    full = false;
    expect(group.keys("install", newKey).error).toBeUndefined();
    expect(group.rings).toEqual([
      [oldKey, newKey],
      [oldKey, newKey],
    ]);
  });
});
