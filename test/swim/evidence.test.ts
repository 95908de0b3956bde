import { expect, test } from "vitest";
import { isConclusive } from "../../src/swim/evidence.js";

test.for([
  { what: "two others accuse it, and two rounds were in vain", rounds: 2, accusers: 2, dead: true },
  { what: "only one round was in vain", rounds: 1, accusers: 2, dead: false },
  { what: "only one other accuses it", rounds: 9, accusers: 1, dead: false },
  { what: "nobody else accuses it, however long we look", rounds: 99, accusers: 0, dead: false },
])("in a group of ten, a suspect that refuses is dead: $dead if $what", (row) => {
  const { accusers, dead, rounds } = row;
  expect(isConclusive({ accusers, rounds }, { hoped: 2, available: 8 })).toBe(dead);
});

test.for([
  { members: 4, accusers: 2, rounds: 2 },
  { members: 3, accusers: 1, rounds: 4 },
  { members: 2, accusers: 0, rounds: 6 },
])("of $members members it takes $accusers others and $rounds rounds", (row) => {
  const { accusers, members, rounds } = row;
  const witnesses = { hoped: 2, available: members - 2 };
  expect(isConclusive({ accusers, rounds }, witnesses)).toBe(true);
  expect(isConclusive({ accusers, rounds: rounds - 1 }, witnesses)).toBe(false);
  if (accusers > 0) expect(isConclusive({ accusers: accusers - 1, rounds }, witnesses)).toBe(false);
});
