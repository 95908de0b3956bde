import fc from "fast-check";
import { expect, test } from "vitest";
import { arrangingTags } from "../../src/page/arranging-tags.js";
import { layOut } from "../../src/page/ring-layout.js";
import { manyMembers } from "../support/page-scenes.js";
import { memberInfo } from "../support/scripted-agent.js";

test.for([1, 5, 22, 72, 73, 300, 1_000, 2_000])(
  "%i members stand apart from each other",
  (count) => {
    const { places, dotRadius } = layOut(manyMembers(count), 250);
    expect(places.length).toBe(count);
    const closest = Math.min(...distances(places));
    expect(closest).toBeGreaterThan(2 * dotRadius);
  },
);

/** From each to the nearest other one. */
function distances(places: readonly { readonly x: number; readonly y: number }[]): number[] {
  return places.map(({ x, y }, index) =>
    Math.min(
      ...places.map((other, at) =>
        at === index ? Number.POSITIVE_INFINITY : Math.hypot(other.x - x, other.y - y),
      ),
    ),
  );
}

test("nobody stands outside the ring, and the middle stays free", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2_000 }),
      fc.integer({ min: 60, max: 600 }),
      fc.constantFrom(undefined, "role", "dc", "none"),
      (count, radius, tag) => {
        const { holeRadius, places } = layOut(manyMembers(count), radius, tag);
        for (const { x, y } of places) {
          const distance = Math.hypot(x, y);
          expect(distance).toBeLessThan(radius + 0.001);
          expect(distance).toBeGreaterThan(holeRadius);
        }
      },
    ),
    { numRuns: 25 },
  );
});

test("members stand in the order of their names, as people count", () => {
  const members = ["web-10", "web-2", "db-1"].map((name) => memberInfo(name));
  const { places } = layOut(members, 200);
  expect(places.map(({ member }) => member.name)).toEqual(["db-1", "web-2", "web-10"]);
});

test("arranged by a tag, members with one value stand together and those without it come last", () => {
  const members = [
    memberInfo("a", { tags: { role: "web" } }),
    memberInfo("b"),
    memberInfo("c", { tags: { role: "db" } }),
    memberInfo("d", { tags: { role: "web" } }),
  ];
  const { places, sectors } = layOut(members, 200, "role");
  expect(places.map(({ member }) => member.name)).toEqual(["c", "a", "d", "b"]);
  expect(sectors.map(({ count, value }) => [value, count])).toEqual([
    ["db", 1],
    ["web", 2],
    ["", 1],
  ]);
});

test("a tag arranges if it has some values, and not if each member has its own", () => {
  const members = Array.from({ length: 20 }, (_, index) =>
    memberInfo(`n${index}`, { tags: { id: String(index), role: index % 2 ? "a" : "b", all: "x" } }),
  );
  expect(arrangingTags(members)).toEqual(["role"]);
});
