import { ConfigError, ConfigReader } from "./config-reader.ts";
import { type BusinessHours, daysOfWeek, isTimeZone, type PoolSize } from "./schedule.ts";

/** What the load of a pool can be measured by; each is a sum over all its servers. */
const metrics = ["requests_in_flight", "requests_per_second", "cpu_percent"] as const;
export type Metric = (typeof metrics)[number];

/** Per server: above `grow` there are too few, and if the others stay below `shrink` one is too many. */
export interface Threshold {
  readonly grow: number;
  readonly shrink: number;
}

/** A pool of identical containers. All durations here and below are ms. */
export interface ServiceConfig {
  /** The containers are NAME-1, NAME-2, ..., and so are the members in them. */
  readonly name: string;
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Variables that containers get as the controller has them: keys do not belong into this file. */
  readonly inheritEnvironment: readonly string[];
  /** Bytes; 0 is no limit. */
  readonly memory: number;
  readonly size: PoolSize;
  readonly businessHours: BusinessHours | undefined;
  readonly thresholds: ReadonlyMap<Metric, Threshold>;
  /** Between two changes that make it larger. */
  readonly growCooldown: number;
  /** After any change, and for so long load must have been low, before it is made smaller. */
  readonly shrinkCooldown: number;
  /** A container whose member is not ready after so long is replaced. */
  readonly startTimeout: number;
  /** A container that does not end by itself after so long is killed. */
  readonly stopTimeout: number;
  /** Where balancers, members with a tag `balancer`, tell their numbers. */
  readonly balancer: {
    readonly backend: string;
    readonly port: number;
  };
}

export interface Config {
  /** Host and port of the HTTP endpoints. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly dockerSocket: string;
  /** Members to join. */
  readonly join: readonly string[];
  readonly checkInterval: number;
  readonly sampleInterval: number;
  /** Over so long load is measured: what comes and goes within it is no reason for anything. */
  readonly loadWindow: number;
  readonly services: readonly ServiceConfig[];
}

/** Throws an {@link ConfigError} that names all that is wrong in the file, each with its place. */
export function parseConfig(text: string, file: string): Config {
  const problems: string[] = [];
  const config = readConfig(new ConfigReader(jsonOf(text, file), "", problems), problems);
  if (problems.length > 0) throw new ConfigError(`${file}: ${problems.join("; ")}`);
  return config;
}

function jsonOf(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`${file} is not JSON: ${(error as Error).message}`);
  }
}

function readConfig(reader: ConfigReader, problems: string[]): Config {
  const services = reader.object("services");
  const names = services.names();
  if (names.length === 0) problems.push("services must name one or more");
  const config: Config = {
    listen: {
      host: reader.text("listen_host", "0.0.0.0"),
      port: reader.whole("listen_port", { fallback: 8000, min: 0, max: 65_535 }),
    },
    dockerSocket: reader.text("docker_socket", "/var/run/docker.sock"),
    join: reader.texts("join"),
    checkInterval: reader.duration("check_interval", "30s"),
    sampleInterval: reader.duration("sample_interval", "1s"),
    loadWindow: reader.duration("load_window", "30s"),
    services: names.map((name) => readService(name, services.object(name))),
  };
  for (const name of names) {
    // Names of containers, members and hosts at once.
    if (!/^[a-z][a-z0-9-]{0,40}$/.test(name)) {
      problems.push(`services.${name} must be named by small letters, digits and dashes`);
    }
  }
  if (config.checkInterval < 1_000) reader.problem("check_interval", 'must be "1s" or more');
  if (config.sampleInterval < 100) reader.problem("sample_interval", 'must be "100ms" or more');
  if (config.loadWindow < 2 * config.sampleInterval) {
    reader.problem("load_window", "must be twice the sample_interval or more");
  }
  reader.end();
  return config;
}

function readService(name: string, reader: ConfigReader): ServiceConfig {
  const size = readSize(reader, { minimum: 1, maximum: 1 });
  const balancer = reader.object("balancer");
  const service: ServiceConfig = {
    name,
    image: reader.text("image"),
    environment: reader.record("environment"),
    inheritEnvironment: reader.texts("inherit_environment"),
    memory: reader.number("memory_mb", { fallback: 0, min: 0, max: 1_000_000 }) * 1024 * 1024,
    size,
    businessHours: readHours(reader, size),
    thresholds: readThresholds(reader),
    growCooldown: reader.duration("grow_cooldown", "0s"),
    shrinkCooldown: reader.duration("cooldown_period", "60s"),
    startTimeout: reader.duration("start_timeout", "60s"),
    stopTimeout: reader.duration("stop_timeout", "15s"),
    balancer: {
      backend: balancer.text("backend", name),
      port: balancer.whole("stats_port", { fallback: 8404, min: 1, max: 65_535 }),
    },
  };
  balancer.end();
  reader.end();
  return service;
}

function readSize(reader: ConfigReader, fallback: PoolSize): PoolSize {
  const range = { min: 1, max: 100 };
  const minimum = reader.whole("minimum", { ...range, fallback: fallback.minimum });
  const maximum = reader.whole("maximum", { ...range, fallback: fallback.maximum });
  if (minimum > maximum) reader.problem("minimum", `is more than the maximum, ${maximum}`);
  return { minimum, maximum };
}

function readHours(service: ConfigReader, size: PoolSize): BusinessHours | undefined {
  const isGiven = service.has("business_hours");
  const reader = service.object("business_hours");
  if (!isGiven) return undefined;
  const timeZone = reader.text("time_zone", "UTC");
  if (!isTimeZone(timeZone)) reader.problem("time_zone", "must be one such as Europe/Berlin");
  const days = reader.texts("days");
  const wrong = days.filter((day) => !(daysOfWeek as readonly string[]).includes(day));
  if (days.length === 0 || wrong.length > 0) {
    reader.problem("days", `must be some of ${daysOfWeek.join(", ")}`);
  }
  const hours = {
    timeZone,
    days: daysOfWeek.filter((day) => days.includes(day)),
    from: readTime(reader, "from"),
    to: readTime(reader, "to"),
    size: readSize(reader, size),
  };
  reader.end();
  return hours;
}

/** Minutes since midnight of a text such as "08:30". */
function readTime(reader: ConfigReader, key: string): number {
  const [, hour, minute] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(reader.text(key)) ?? [];
  if (hour === undefined) reader.problem(key, 'must be a time such as "08:30"');
  return Number(hour ?? 0) * 60 + Number(minute ?? 0);
}

function readThresholds(service: ConfigReader): Map<Metric, Threshold> {
  const all = service.object("thresholds");
  const thresholds = new Map<Metric, Threshold>();
  for (const metric of metrics) {
    const isGiven = all.has(metric);
    const reader = all.object(metric);
    if (!isGiven) continue;
    const grow = reader.number("grow", { min: 0.01, max: 1_000_000 });
    const shrink = reader.number("shrink", { min: 0, max: 1_000_000 });
    if (shrink >= grow) reader.problem("shrink", "must be less than grow, or it never rests");
    thresholds.set(metric, { grow, shrink });
    reader.end();
  }
  if (thresholds.size === 0) service.problem("thresholds", `must have ${metrics.join(" or ")}`);
  all.end();
  return thresholds;
}
