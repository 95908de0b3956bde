import { expect, test } from "vitest";
import { parseStopSignal } from "../../src/supervise/stop-signal.js";

test.for([
  ["TERM", "SIGTERM"],
  ["sigquit", "SIGQUIT"],
  ["10", "SIGUSR1"],
] as const)("%s is %s", ([text, signal]) => {
  expect(parseStopSignal(text)).toBe(signal);
});

test.for(["", "STOPP", "0", "99"])("%j is no signal", (text) => {
  expect(() => parseStopSignal(text)).toThrow(/^-stop-signal \(stop_signal\): there is no signal/);
});
