import { expect, test } from "vitest";
import { backendNumbers } from "../../docker/autoscale/controller/haproxy-stats.js";
import { LoadWindow } from "../../docker/autoscale/controller/load-window.js";

const csv = `# pxname,svname,qcur,qmax,scur,smax,slim,stot,req_tot,type,
service,FRONTEND,,,9,20,1900,300,280,0,
web,web-1-9e77,0,0,4,9,,120,120,2,
web,BACKEND,3,5,11,20,190,240,236,1,
`;

test("the numbers of a backend are found by their names", () => {
  expect(backendNumbers(csv, "web")).toEqual({ inFlight: 11, queued: 3, requests: 236 });
});

test.for([
  { what: "another backend", text: csv, backend: "db" },
  { what: "an error page", text: "<html><body>503</body></html>", backend: "web" },
  { what: "nothing", text: "", backend: "web" },
  { what: "no numbers", text: csv.replace("11,20", "x,20"), backend: "web" },
  { what: "an empty column", text: csv.replace("11,20", ",20"), backend: "web" },
])("$what is not taken for no load", ({ text, backend }) => {
  expect(backendNumbers(text, backend)).toBeUndefined();
});

/** A window of four seconds with one look a second. */
function looks(...seen: { inFlight?: number; requests: number }[]): LoadWindow {
  const window = new LoadWindow(4_000);
  for (const [second, { inFlight = 0, requests }] of seen.entries()) {
    window.add(1_000 * second, { inFlight, requests, queued: 0 });
  }
  return window;
}

test("requests under way are averaged, requests per second counted exactly", () => {
  const window = looks(
    { inFlight: 100, requests: 0 },
    { inFlight: 100, requests: 1_000 },
    { inFlight: 2, requests: 1_010 },
    { inFlight: 4, requests: 1_020 },
    { inFlight: 6, requests: 1_040 },
    { inFlight: 8, requests: 1_050 },
  );
  expect(window.load(5_000)).toEqual({ requestsInFlight: 5, queued: 0, requestsPerSecond: 12.5 });
});

test("a balancer that started anew has another counter", () => {
  const window = looks({ requests: 5_000 }, { requests: 10 }, { requests: 30 });
  expect(window.load(2_000)?.requestsPerSecond).toBe(20);
});

test("one that was not heard lately, or only once, says nothing", () => {
  expect(looks({ requests: 5 }).load(0)).toBeUndefined();
  const window = looks({ requests: 5 }, { requests: 6 });
  expect(window.load(1_000)).toBeDefined();
  expect(window.load(5_000)).toBeUndefined();
});
