import { createHash, randomBytes } from "node:crypto";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

export interface UploadTarget {
  readonly host: string;
  readonly port: number;
}

/** What was answered to an upload that was accepted. */
interface Acknowledgement {
  readonly id: string;
  readonly sha256: string;
  /** The address of the database node that took it. */
  readonly storedBy: string;
  /** When it was sent and when it was answered (`performance.now()`). */
  readonly sent: number;
  readonly at: number;
}

export interface UploadReport {
  readonly sent: number;
  /** Why each of the others was not accepted. */
  readonly lost: readonly string[];
  /** From request to answer, ms. */
  readonly slowest: number;
}

/** A client waits for so long, ms. */
const patience = 20_000;

/** More never wait for an answer at the same time; beyond it beats are left out. */
const maxUnderWay = 400;

const pngSignature = Buffer.from("89504e470d0a1a0a", "hex");

/** A stream of uploads, each on a connection of its own and sent once, whatever becomes of those before. */
export class Uploads {
  readonly #target: UploadTarget;
  readonly #gap: number;
  readonly #end = new AbortController();
  readonly #acknowledged: Acknowledgement[] = [];
  readonly #lost: string[] = [];
  readonly #underWay = new Set<Promise<void>>();
  readonly #running: Promise<void>;

  private constructor(target: UploadTarget, rate: number) {
    this.#target = target;
    this.#gap = 1_000 / rate;
    this.#running = this.#run();
  }

  /** `rate`: uploads in a second. */
  static start(target: UploadTarget, rate: number): Uploads {
    return new Uploads(target, rate);
  }

  /**
   * When the first upload was acknowledged that was sent at `since` or later, and taken by `node` if that is
   * given; undefined: none yet.
   */
  firstSince(since: number, node?: string): number | undefined {
    const times = this.#acknowledged
      .filter(({ sent, storedBy }) => sent >= since && (node ?? storedBy) === storedBy)
      .map(({ at }) => at);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Hashes of what was acknowledged so far, by id. */
  acknowledged(): ReadonlyMap<string, string> {
    return new Map(this.#acknowledged.map(({ id, sha256 }) => [id, sha256]));
  }

  /** Sends no more; resolves when each has its answer or lost it. */
  async stop(): Promise<UploadReport> {
    this.#end.abort();
    await this.#running;
    await Promise.all(this.#underWay);
    const slowest = Math.max(0, ...this.#acknowledged.map(({ sent, at }) => at - sent));
    const sent = this.#acknowledged.length + this.#lost.length;
    return { sent, lost: this.#lost, slowest };
  }

  async #run(): Promise<void> {
    for (let beat = performance.now(); !this.#end.signal.aborted; beat += this.#gap) {
      const pause = Math.max(0, beat - performance.now());
      await sleep(pause, undefined, { signal: this.#end.signal }).catch(() => {});
      if (this.#end.signal.aborted) return;
      if (this.#underWay.size >= maxUnderWay) continue;
      const upload = this.#upload().finally(() => this.#underWay.delete(upload));
      this.#underWay.add(upload);
    }
  }

  async #upload(): Promise<void> {
    const body = Buffer.concat([pngSignature, randomBytes(4_096)]);
    const sha256 = createHash("sha256").update(body).digest("hex");
    const sent = performance.now();
    try {
      const { status, text } = await post(this.#target, body);
      if (status !== 201) throw new Error(`status ${status}: ${text.trim()}`);
      const answer = JSON.parse(text) as Omit<Acknowledgement, "sent" | "at">;
      if (answer.sha256 !== sha256) throw new Error(`another hash than what was sent: ${text}`);
      const { id, storedBy } = answer;
      this.#acknowledged.push({ id, sha256, storedBy, sent, at: performance.now() });
    } catch (error) {
      this.#lost.push(error instanceof Error ? error.message : String(error));
    }
  }
}

/** Resolves with the answer, complete as its length says; rejects otherwise. */
function post(
  { host, port }: UploadTarget,
  body: Buffer,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "image/png", "content-length": body.length };
    const signal = AbortSignal.timeout(patience);
    const options = { host, port, path: "/images", method: "POST", headers, agent: false, signal };
    const upload = request(options, (response) => {
      response.setEncoding("utf8");
      let text = "";
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.once("error", reject);
      response.once("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    upload.once("error", reject);
    upload.end(body);
  });
}
