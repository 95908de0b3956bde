import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { until } from "../support/wait.js";

/** A client that sends what the test says, be it HTTP or not. */
export class RawClient {
  readonly socket: Socket;
  text = "";
  readonly closed: Promise<unknown>;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once("close", resolve));
    socket.setEncoding("utf8");
    socket.on("data", (part: string) => {
      this.text += part;
    });
    socket.on("error", () => {});
    onTestFinished(() => {
      socket.destroy();
    });
  }

  /** `address` is `ip:port`. */
  static async open(address: string): Promise<RawClient> {
    const [host, port] = address.split(":");
    const socket = connect(Number(port), host);
    await once(socket, "connect");
    return new RawClient(socket);
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** The statuses of all answers so far. */
  get statuses(): number[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  }

  untilAnswered(count = 1): Promise<unknown> {
    return until(`${count} answers have come`, () => this.statuses.length >= count, {
      every: 5,
      last: () => this.text,
    });
  }
}

/** A request without a body. */
export function requestFor(path: string, headers = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
}
