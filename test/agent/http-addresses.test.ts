import { expect, test } from "vitest";
import { parseHttpAddress } from "../../src/agent/http-addresses.js";

test.for([
  { text: "7380", host: "127.0.0.1", port: 7380 },
  { text: ":7380", host: "127.0.0.1", port: 7380 },
  { text: "0.0.0.0:7380", host: "0.0.0.0", port: 7380 },
  { text: "localhost:0", host: "localhost", port: 0 },
  { text: "[::1]:7380", host: "::1", port: 7380 },
  { text: "[::]:7380", host: "::", port: 7380 },
])("$text is port $port of $host", ({ text, host, port }) => {
  expect(parseHttpAddress(text)).toEqual({ kind: "tcp", host, port });
});

test("unix:/run/g.sock is a socket", () => {
  expect(parseHttpAddress("unix:/run/g.sock")).toEqual({ kind: "unix", path: "/run/g.sock" });
});

test.for([
  { text: "localhost", fault: "no port: say host:port, a port, or unix:/path" },
  { text: "", fault: "no port: say host:port, a port, or unix:/path" },
  { text: "127.0.0.1:http", fault: "unknown port" },
  { text: ":70000", fault: "invalid port" },
  { text: "70000", fault: "invalid port" },
  { text: "::1:80", fault: "too many colons" },
  { text: "unix:run/g.sock", fault: "the path has to be absolute" },
  { text: "unix:", fault: "the path has to be absolute" },
  { text: `unix:/${"x".repeat(107)}`, fault: "at most 107 bytes" },
])("'$text' is refused: $fault", ({ text, fault }) => {
  expect(() => parseHttpAddress(text)).toThrow(`-http-addr ${text}: `);
  expect(() => parseHttpAddress(text)).toThrow(fault);
});
