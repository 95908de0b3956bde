import fc from "fast-check";
import { expect, test } from "vitest";
import { Overlay } from "../../src/base/overlay.js";

const name = fc.constantFrom("a", "b", "c", "d", "e");
const change = fc.oneof(
  fc.record({ kind: fc.constant("set" as const), name, value: fc.nat(9) }),
  fc.record({ kind: fc.constant("delete" as const), name }),
);

test("an overlay is like a copy of its base, which never changes", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(name, fc.nat(9))),
      fc.array(change, { maxLength: 30 }),
      (entries, changes) => {
        const base = new Map(entries);
        const before = [...base];
        const copy = new Map(base);
        const overlay = new Overlay<number>(base);
        for (const one of changes) {
          if (one.kind === "set") {
            copy.set(one.name, one.value);
            overlay.set(one.name, one.value);
          } else {
            copy.delete(one.name);
            overlay.delete(one.name);
          }
          expect(overlay.size).toBe(copy.size);
          for (const key of ["a", "b", "c", "d", "e"] as const) {
            expect(overlay.get(key)).toBe(copy.get(key));
          }
          expect([...overlay.values()].sort()).toEqual([...copy.values()].sort());
        }
        expect([...base]).toEqual(before);
      },
    ),
  );
});
