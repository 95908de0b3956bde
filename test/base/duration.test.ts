import { expect, test } from "vitest";
import { formatDuration, parseDuration } from "../../src/base/duration.js";

test.for([
  { text: "0", millis: 0 },
  { text: "5s", millis: 5_000 },
  { text: "+5s", millis: 5_000 },
  { text: "1h30m", millis: 5_400_000 },
  { text: "-1.5h", millis: -5_400_000 },
  { text: "200ms", millis: 200 },
  { text: ".5s", millis: 500 },
  { text: "1.s", millis: 1_000 },
  { text: "1s1ms", millis: 1_001 },
  { text: "100us", millis: 0.1 },
  { text: "100µs", millis: 0.1 },
])("$text is $millis ms", ({ text, millis }) => {
  expect(parseDuration(text)).toBeCloseTo(millis, 9);
});

test.for([
  { text: "5", fault: 'time: missing unit in duration "5"' },
  { text: "1h5", fault: 'time: missing unit in duration "1h5"' },
  { text: "5x", fault: 'time: unknown unit "x" in duration "5x"' },
  { text: "5 s", fault: 'time: unknown unit " s" in duration "5 s"' },
  { text: "5toString", fault: 'time: unknown unit "toString" in duration "5toString"' },
  { text: "", fault: 'time: invalid duration ""' },
  { text: "-", fault: 'time: invalid duration "-"' },
  { text: "soon", fault: 'time: invalid duration "soon"' },
  { text: ".s", fault: 'time: invalid duration ".s"' },
])("$text is refused in Go's words", ({ text, fault }) => {
  expect(() => parseDuration(text)).toThrow(fault);
});

test.for([
  { millis: 0, text: "0s" },
  { millis: 0.25, text: "250µs" },
  { millis: 200, text: "200ms" },
  { millis: 1_000, text: "1s" },
  { millis: 1_500, text: "1.5s" },
  { millis: 60_000, text: "1m0s" },
  { millis: 5_400_000, text: "1h30m0s" },
  { millis: 86_400_000, text: "24h0m0s" },
  { millis: -5_000, text: "-5s" },
])("$millis ms prints as $text", ({ millis, text }) => {
  expect(formatDuration(millis)).toBe(text);
});
