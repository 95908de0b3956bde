/** What one member has found out itself about a suspect, and what it heard of others. */
export interface Evidence {
  /** Rounds since our own accusation in which a connection was refused and no ping was answered. */
  readonly rounds: number;
  /** Members other than us that accuse it, whatever their reason. */
  readonly accusers: number;
}

/** Those who could say something. */
export interface Witnesses {
  /** Confirmations with which Lifeguard, too, comes to its shortest time: the multiplier less two. */
  readonly hoped: number;
  /** Members that are here besides us and the suspect. */
  readonly available: number;
}

/** So long a suspect can hear of the accusation, and we of its refutation, before there is a verdict. */
const leastRounds = 2;

/** What stands for a witness that there is not: time, in which a process that restarts is back. */
const roundsForWitness = 2;

/**
 * Whether a suspect is dead without a doubt that waiting could clear up.
 *
 * As many others must accuse it as Lifeguard hopes for, on their own ways through the network. A group
 * of two or three has not so many: then what is left is to look longer. That finds out a restart, but
 * not that it is only our way that is wrong, as with a firewall between us two; in so small a group,
 * memberlist declares a member dead on one word as well.
 */
export function isConclusive({ accusers, rounds }: Evidence, witnesses: Witnesses): boolean {
  const { available, hoped } = witnesses;
  const possible = Math.max(0, Math.min(hoped, available));
  return accusers >= possible && rounds >= leastRounds + roundsForWitness * (hoped - possible);
}
