import { describe, expect, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import { Keyring } from "../../src/wire/keyring.js";

const key = (byte: number, length = 16): Uint8Array => new Uint8Array(length).fill(byte);

describe("a keyring", () => {
  test("keeps its keys in order and each only once", () => {
    const ring = new Keyring([key(1), key(2, 24), key(1), key(3, 32)]);
    expect(ring.keys()).toEqual([key(1), key(2, 24), key(3, 32)]);
    expect(ring.primary).toEqual(key(1));
  });

  test("installs a key behind the others", () => {
    const ring = new Keyring([key(1)]);
    ring.install(key(2));
    ring.install(key(2));
    expect(ring.keys()).toEqual([key(1), key(2)]);
  });

  test("makes an installed key the primary and keeps the order of the rest", () => {
    const ring = new Keyring([key(1), key(2), key(3)]);
    ring.use(key(3));
    expect(ring.keys()).toEqual([key(3), key(1), key(2)]);
    expect(() => ring.use(key(4))).toThrow("Requested key is not in the keyring");
  });

  test("forgets a key, but not the primary", () => {
    const ring = new Keyring([key(1), key(2)]);
    ring.remove(key(9));
    ring.remove(key(2));
    expect(ring.keys()).toEqual([key(1)]);
    expect(() => ring.remove(key(1))).toThrow("Removing the primary key is not allowed");
  });

  test.for([0, 1, 15, 17, 31, 33])("refuses a key of %i bytes", (length) => {
    expect(() => new Keyring([key(1, length)])).toThrow("key size must be 16, 24 or 32 bytes");
    expect(() => new Keyring([key(1)]).install(key(1, length))).toThrow(OperatorError);
  });

  test("is never empty", () => {
    expect(() => new Keyring([])).toThrow(OperatorError);
  });

  test("does not change with the bytes it was given, nor a list that it gave", () => {
    const given = key(1);
    const ring = new Keyring([given]);
    const before = ring.keys();
    given.fill(9);
    ring.install(key(2));
    expect(before).toEqual([key(1)]);
  });
});
