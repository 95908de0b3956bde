/** The agent's own variables that no handler may inherit: those of its options that are secret. */
export const secretVariables: ReadonlySet<string> = new Set([
  "GOSSIPD_ENCRYPT_KEY",
  "GOSSIPD_RPC_AUTH",
  "GOSSIPD_HTTP_TOKEN",
]);
