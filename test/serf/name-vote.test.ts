import { describe, expect, test } from "vitest";
import { countVotes, judgeVotes, samePlace, winsTie } from "../../src/serf/name-vote.js";
import { address } from "../support/swim-host.js";

const ours = address("10.0.0.1:7946");
const theirs = address("10.0.0.2:7946");
const mapped = {
  ip: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1),
  port: 7946,
};

describe("a vote on our name (5.12)", () => {
  test.for<{ younger: boolean; ours: number; theirs: number; other: number; verdict: string }>([
    { younger: true, ours: 0, theirs: 0, other: 0, verdict: "stop" },
    { younger: false, ours: 0, theirs: 0, other: 0, verdict: "stay" },
    { younger: true, ours: 1, theirs: 0, other: 0, verdict: "stay" },
    { younger: false, ours: 0, theirs: 1, other: 0, verdict: "stop" },
    { younger: true, ours: 1, theirs: 1, other: 0, verdict: "stop" },
    { younger: false, ours: 1, theirs: 1, other: 0, verdict: "tie" },
    { younger: false, ours: 2, theirs: 1, other: 0, verdict: "stay" },
    { younger: false, ours: 2, theirs: 1, other: 1, verdict: "stop" },
    { younger: false, ours: 2, theirs: 2, other: 1, verdict: "tie" },
    { younger: false, ours: 2, theirs: 3, other: 0, verdict: "stop" },
  ])("$ours for us, $theirs for the other, $other for none, younger $younger: $verdict", (row) => {
    const responses = row.ours + row.theirs + row.other;
    expect(judgeVotes({ ours: row.ours, theirs: row.theirs, responses }, row.younger)).toBe(
      row.verdict,
    );
  });

  test("counts both forms of an IPv4 address as one, and those who do not know us as answers", () => {
    const opinions = [ours, mapped, theirs, undefined, address("10.0.0.1:7947")].map(
      (place, index) => ({ from: `m${index}`, address: place }),
    );
    expect(countVotes(opinions, { ours, theirs })).toEqual({ responses: 5, ours: 2, theirs: 1 });
    expect(samePlace(ours, mapped)).toBe(true);
  });

  test("a tie is broken so that exactly one of both stays", () => {
    for (const text of ["10.0.0.2:7946", "9.0.0.1:7946", "10.0.0.1:7947", "10.0.0.1:80"]) {
      const other = address(text);
      expect(winsTie({ ours, theirs: other })).not.toBe(winsTie({ ours: other, theirs: ours }));
    }
  });
});
