import { expect, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import { type Check, type CheckTexts, parseChecks } from "../../src/supervise/checks.js";

const none = { checkTcp: [], checkHttp: [], checkExec: [] };

test.for<{ text: string; check: Check }>([
  { text: "8080", check: { kind: "tcp", host: "127.0.0.1", port: 8080 } },
  { text: ":8080", check: { kind: "tcp", host: "127.0.0.1", port: 8080 } },
  { text: "db.example:5432", check: { kind: "tcp", host: "db.example", port: 5432 } },
  { text: "[::1]:80", check: { kind: "tcp", host: "::1", port: 80 } },
])("-check-tcp $text", ({ text, check }) => {
  expect(parseChecks({ ...none, checkTcp: [text] })).toEqual([check]);
});

test.for<{ text: string; url: string }>([
  { text: "8080", url: "http://127.0.0.1:8080/" },
  { text: "8080/health?deep=1", url: "http://127.0.0.1:8080/health?deep=1" },
  { text: ":8080/health", url: "http://127.0.0.1:8080/health" },
  { text: "/health", url: "http://127.0.0.1/health" },
  { text: "web:8080/", url: "http://web:8080/" },
  { text: "http://[::1]:81/x", url: "http://[::1]:81/x" },
  { text: "https://localhost/x", url: "https://localhost/x" },
])("-check-http $text", ({ text, url }) => {
  expect(parseChecks({ ...none, checkHttp: [text] })).toEqual([{ kind: "http", url }]);
});

test.for<{ given: Partial<CheckTexts>; fault: RegExp }>([
  { given: { checkTcp: ["0"] }, fault: /^-check-tcp \(check_tcp\): "0" is no port/ },
  { given: { checkTcp: ["65536"] }, fault: /"65536" is no port/ },
  { given: { checkTcp: ["::1:80"] }, fault: /is no port/ },
  { given: { checkTcp: ["web"] }, fault: /is no port/ },
  { given: { checkHttp: ["99999/"] }, fault: /^-check-http \(check_http\): "99999\/" is no URL/ },
  { given: { checkHttp: ["ht tp"] }, fault: /is no URL/ },
  { given: { checkExec: [" "] }, fault: /^-check-exec \(check_exec\): the command is empty/ },
  { given: { checkTcp: Array.from({ length: 33 }, () => "80") }, fault: /33 readiness checks/ },
])("$given is refused", ({ given, fault }) => {
  expect(() => parseChecks({ ...none, ...given })).toThrow(OperatorError);
  expect(() => parseChecks({ ...none, ...given })).toThrow(fault);
});
