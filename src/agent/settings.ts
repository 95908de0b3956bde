import type { Millis } from "../base/units.js";

type JsonObject = Readonly<Record<string, unknown>>;

/** What an operator can set, after defaults, files, environment and flags were merged. */
export interface Settings {
  readonly nodeName: string;
  readonly role: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly tagsFile: string;
  readonly bind: string;
  readonly advertise: string;
  readonly interface: string;
  readonly encryptKey: string;
  readonly keyringFile: string;
  readonly profile: string;
  readonly protocol: number;
  readonly compression: boolean;
  readonly refusalDetection: boolean;
  readonly isolationCheck: boolean;
  readonly disableCoordinates: boolean;
  readonly validateNodeNames: boolean;
  readonly disableNameResolution: boolean;
  readonly msgpackTimeFormat: boolean;

  readonly startJoin: readonly string[];
  readonly replayOnJoin: boolean;
  readonly retryJoin: readonly string[];
  readonly retryInterval: Millis;
  readonly retryMaxAttempts: number;

  readonly eventHandlers: readonly string[];
  readonly handlerTimeout: Millis;

  /** Empty for none: then the runs are remembered only until the agent ends. */
  readonly handlerJournal: string;

  readonly lbFile: string;
  /** An object of JSON as it was given; undefined without one. */
  readonly loadBalancer: JsonObject | undefined;

  readonly rpcAddr: string;
  readonly rpcAuth: string;
  readonly httpAddr: readonly string[];
  readonly httpToken: string;
  readonly logLevel: string;
  readonly leaveOnTerminate: boolean;
  readonly skipLeaveOnInterrupt: boolean;
  readonly drainTimeout: Millis;

  readonly reconnectInterval: Millis;
  readonly reconnectTimeout: Millis;
  readonly tombstoneTimeout: Millis;
  readonly broadcastTimeout: Millis;
  readonly userEventSizeLimit: number;
  readonly querySizeLimit: number;
  readonly queryResponseSizeLimit: number;

  readonly configPaths: readonly string[];

  readonly snapshotPath: string;
  readonly rejoinAfterLeave: boolean;
  readonly discover: string;
  readonly mdnsInterface: string;
  readonly mdnsDisableIpv4: boolean;
  readonly mdnsDisableIpv6: boolean;
  readonly enableSyslog: boolean;
  readonly syslogFacility: string;
  readonly statsiteAddr: string;
  readonly statsdAddr: string;

  readonly checkTcp: readonly string[];
  readonly checkHttp: readonly string[];
  readonly checkExec: readonly string[];
  readonly checkInterval: Millis;
  readonly checkTimeout: Millis;
  readonly checkRise: number;
  readonly checkFall: number;
  readonly restart: string;
  readonly stopSignal: string;
  readonly stopDelay: Millis;
  /** 0: what the drain has left of the time that there is. */
  readonly stopTimeout: Millis;
}

/** What one source says: a file, the environment, the flags, or the defaults. */
export type Values = Partial<Settings>;
