import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { packValues, ValueReader } from "#rpc/framing.js";
import { rpcPort } from "./bench-agent.js";
import { within } from "./waiting.js";

/** Always the same, so that answers are of the same length. */
const seq = 7;

const longestAnswer = 64 * 1_048_576;
const answerLimit = 10_000;

/**
 * Asks an agent for its members and does not look at the answer: reading thousands of them takes longer
 * than giving them. Its end is known by its length, which is learnt once.
 */
export class MembersProbe {
  readonly #socket: Socket;
  readonly #request = packValues({ Command: "members", Seq: seq });
  #answerBytes = 0;
  /** Of the answer that is on its way. */
  #missing = 0;
  #arrived: () => void = () => {};

  static async connect(ip: string): Promise<MembersProbe> {
    const socket = connect({ host: ip, port: rpcPort, noDelay: true });
    await once(socket, "connect");
    const probe = new MembersProbe(socket);
    socket.write(packValues({ Command: "handshake", Seq: 0 }, { Version: 1 }));
    await probe.#read(1);
    await probe.#learn();
    socket.on("data", (chunk: Buffer) => {
      probe.#missing -= chunk.length;
      if (probe.#missing <= 0) probe.#arrived();
    });
    return probe;
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Of one answer. */
  get answerBytes(): number {
    return this.#answerBytes;
  }

  /** Milliseconds until the whole answer is here. */
  async ask(): Promise<number> {
    const arrived = new Promise<void>((resolve) => {
      this.#arrived = resolve;
    });
    this.#missing = this.#answerBytes;
    const begin = performance.now();
    this.#socket.write(this.#request);
    await within("an answer", answerLimit, arrived);
    return performance.now() - begin;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #learn(): Promise<void> {
    this.#socket.write(this.#request);
    this.#answerBytes = await this.#read(2);
  }

  /** Reads so many values; resolves with their bytes. */
  async #read(values: number): Promise<number> {
    const reader = new ValueReader(longestAnswer);
    let bytes = 0;
    let left = values;
    while (left > 0) {
      const [chunk] = (await within("an answer", answerLimit, once(this.#socket, "data"))) as [
        Buffer,
      ];
      bytes += chunk.length;
      reader.feed(chunk);
      while (left > 0 && reader.next() !== undefined) left -= 1;
    }
    return bytes;
  }
}
