import { expect, test } from "vitest";
import { minutes } from "../../src/base/units.js";
import { Conflicts } from "../../src/swim/conflicts.js";
import { swimMember } from "../support/members.js";
import { address } from "../support/swim-host.js";

const claimed = address("10.9.9.9:7946");

test.for([
  { later: 0, news: false },
  { later: minutes(1) - 1, news: false },
  { later: minutes(1), news: true },
])("the same pair $later ms later is news: $news", ({ later, news }) => {
  const conflicts = new Conflicts();
  expect(conflicts.isNews(5, swimMember("x"), claimed)).toBe(true);
  expect(conflicts.isNews(5 + later, swimMember("x"), claimed)).toBe(news);
});

test("another claimant and another name are other conflicts", () => {
  const conflicts = new Conflicts();
  expect(conflicts.isNews(0, swimMember("x"), claimed)).toBe(true);
  expect(conflicts.isNews(0, swimMember("x"), address("10.9.9.8:7946"))).toBe(true);
  expect(conflicts.isNews(0, swimMember("y"), claimed)).toBe(true);
});

test("no more than 256 are news in a minute, whatever is forged", () => {
  const conflicts = new Conflicts();
  const news = (now: number): number => {
    const pairs = Array.from({ length: 300 }, (_, port) => address(`10.9.9.9:${port + 1}`));
    return pairs.filter((pair) => conflicts.isNews(now, swimMember("x"), pair)).length;
  };
  expect([0, minutes(1) - 1, minutes(1)].map(news)).toEqual([256, 0, 256]);
});
