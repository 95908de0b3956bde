import { describe, expect, test } from "vitest";
import { assert } from "../../src/base/assert.js";
import { InvariantError, OperatorError, reasonOf } from "../../src/base/errors.js";

describe("errors", () => {
  test("an assertion that holds is silent, one that does not is ours", () => {
    expect(() => assert(true, "all is well")).not.toThrow();
    expect(() => assert(false, "a ring has an end")).toThrow(InvariantError);
    expect(() => assert(false, "a ring has an end")).toThrow("a ring has an end");
  });

  test.for([
    { thrown: new OperatorError("no such file"), reason: "no such file" },
    { thrown: "text", reason: "text" },
    { thrown: undefined, reason: "undefined" },
    { thrown: 7, reason: "7" },
  ])("what $thrown says is $reason", ({ thrown, reason }) => {
    expect(reasonOf(thrown)).toBe(reason);
  });

  test("each kind has its name, so that a log tells them apart", () => {
    expect(String(new OperatorError("x"))).toBe("OperatorError: x");
    expect(String(new InvariantError("x"))).toBe("InvariantError: x");
  });
});
