import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseConfig } from "../../docker/autoscale/controller/config.js";

const example = new URL("../../docker/autoscale/autoscale.json", import.meta.url);
const web = {
  image: "web",
  minimum: 1,
  maximum: 3,
  thresholds: { requests_per_second: { grow: 10, shrink: 5 } },
};
const hours = { days: ["mon"], from: "08:00", to: "18:00" };

test("the file of the stack is right", () => {
  const config = parseConfig(readFileSync(example, "utf8"), "autoscale.json");
  expect(config.services.map(({ name }) => name)).toEqual(["web"]);
  expect(config.services[0]?.businessHours).toMatchObject({ from: 420, to: 1140 });
});

test("what is not given is as in the README", () => {
  const config = parseConfig(JSON.stringify({ services: { web } }), "f");
  expect(config).toMatchObject({
    checkInterval: 30_000,
    sampleInterval: 1_000,
    loadWindow: 30_000,
  });
  expect(config.services[0]).toMatchObject({ shrinkCooldown: 60_000, growCooldown: 0 });
});

test.for([
  { given: {}, error: "services must name one or more" },
  { given: { services: { Web: web } }, error: "services.Web must be named by" },
  { given: { services: { web }, check_intervall: "2s" }, error: "check_intervall is not known" },
  { given: { services: { web }, check_interval: 30 }, error: "check_interval must be a duration" },
  { given: { services: { web }, check_interval: "10ms" }, error: 'check_interval must be "1s"' },
  { given: { services: { web: { ...web, minimum: 4 } } }, error: "minimum is more than the max" },
  {
    given: { services: { web: { ...web, minimum: 0 } } },
    error: "minimum must be a number from 1",
  },
  {
    given: { services: { web: { ...web, image: 1 } } },
    error: "services.web.image must be a text",
  },
  { given: { services: { web: { ...web, thresholds: {} } } }, error: "thresholds must have" },
  {
    given: { services: { web: { ...web, thresholds: { cpu_percent: { grow: 1, shrink: 2 } } } } },
    error: "services.web.thresholds.cpu_percent.shrink must be less than grow",
  },
  {
    given: { services: { web: { ...web, business_hours: { ...hours, time_zone: "Mars" } } } },
    error: "time_zone must be one such as Europe/Berlin",
  },
  {
    given: { services: { web: { ...web, business_hours: { ...hours, from: "8" } } } },
    error: 'services.web.business_hours.from must be a time such as "08:30"',
  },
  {
    given: { services: { web: { ...web, business_hours: { ...hours, days: ["day"] } } } },
    error: "days must be some of mon, tue",
  },
])("wrong: $error", ({ given, error }) => {
  expect(() => parseConfig(JSON.stringify(given), "f")).toThrow(error);
});

test("all that is wrong is told at once", () => {
  const text = JSON.stringify({ services: { web: { ...web, image: "", maximum: "x" } } });
  expect(() => parseConfig(text, "f")).toThrow(/^f: .*maximum.*; .*image/);
  expect(() => parseConfig("{", "f")).toThrow("f is not JSON");
});
