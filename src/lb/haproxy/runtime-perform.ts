import { OperatorError } from "../../base/errors.js";
import type { Step } from "../model.js";
import type { RuntimeSocket } from "./runtime-socket.js";

/**
 * Carries steps out in one batch. Throws OperatorError if HAProxy refuses one of the commands; those
 * after it have run all the same, and the next round sees what has become of it all.
 */
export async function performSteps(socket: RuntimeSocket, steps: readonly Step[]): Promise<void> {
  const commands = steps.flatMap((step) => step.commands);
  const answers = await socket.ask(commands);
  const refused = commands.flatMap((command, index) => {
    const answer = answers[index] ?? "";
    return isConsent(command, answer) ? [] : [`"${command}": ${firstLine(answer)}`];
  });
  const [first] = refused;
  if (first === undefined) return;
  const others = refused.length === 1 ? "" : ` (and ${refused.length - 1} more)`;
  throw new OperatorError(`runtime socket ${socket.path} refused ${first}${others}`);
}

/**
 * Whether an answer means that it was done. Success is silence (loadbalancer.md 1.4), except where
 * HAProxy says what it did.
 */
export function isConsent(command: string, answer: string): boolean {
  if (answer === "") return true;
  if (/^set server \S+ addr /.test(command)) {
    return /^(IP changed from|no need to change the addr).*(port changed from|no need to change the port)/.test(
      answer,
    );
  }
  if (command.startsWith("add server ")) return answer === "New server registered.";
  // One that still has connections is tried again, as long as it is there.
  if (command.startsWith("del server ")) {
    return answer === "Server deleted." || answer.startsWith("Server still has connections");
  }
  return false;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]?.slice(0, 200) ?? "";
}
