import { type Bytes, type Millis, seconds } from "../../base/units.js";
import type { RpcClient } from "../../rpc/client.js";
import { Awaited } from "../awaited.js";
import { introduce } from "../rpc-options.js";

/** How long answers may come after the last of those that were asked has confirmed that it was. */
const answerTime: Millis = 500;

/** How long is waited in all if some do not even confirm. */
const usualTimeout: Millis = seconds(3);

export interface PeerQuestion {
  readonly name: string;
  readonly payload: string;
  /** Only these answer; empty: all. */
  readonly nodes: readonly string[];
  /** Only members with these tags answer: patterns that match any part of the value. */
  readonly tags?: ReadonlyMap<string, string>;
  /** Live members that are waited for. */
  readonly awaited: readonly string[];
  readonly timeout?: Millis | undefined;
}

/**
 * Asks agents of ours by a query, through whatever agent there is; answers by name. Serf's agents only
 * confirm that they were asked, so once all have confirmed nobody is waited for much longer.
 */
export async function askPeers(
  agent: RpcClient,
  { name, payload, nodes, awaited, tags = new Map(), timeout = usualTimeout }: PeerQuestion,
): Promise<ReadonlyMap<string, Bytes>> {
  const answers = new Map<string, Bytes>();
  const answered = new Awaited(awaited);
  const confirmed = new Awaited(awaited);
  let timer: NodeJS.Timeout | undefined;
  const patience = confirmed.complete.then(
    () =>
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, answerTime);
      }),
  );
  await introduce("Error sending query", async () => {
    const question = {
      name,
      payload: Buffer.from(payload),
      filterNodes: nodes,
      filterTags: tags,
      requestAck: true,
      relayFactor: 0,
      timeout,
    };
    const running = await agent.query(question, (answer) => {
      confirmed.note(answer.from);
      if (answer.kind !== "response") return;
      answers.set(answer.from, answer.payload);
      answered.note(answer.from);
    });
    await Promise.race([running.done, answered.complete, patience]);
    // What comes later is of no use; an agent that is told so has less to keep.
    running.stop().catch(() => {});
    running.done.catch(() => {});
  });
  clearTimeout(timer);
  return answers;
}
