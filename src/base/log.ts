/** Facts that belong to a log line. Never keys, never payloads. */
export type Fields = Readonly<Record<string, unknown>>;

/**
 * Where a part writes what happened.
 *
 * `message` is constant, lower case and without punctuation, and `fields` carry what varies; the
 * lines that Serf's users grep (compat.md section 16) are the exception: they come as Serf spells
 * them, values included. `error`: someone must act. `warn`: may need to. `info`: what an operator
 * wants in a quiet cluster's log. `debug`: one per protocol decision. `trace`: per packet.
 */
export interface Log {
  trace(fields: Fields, message: string): void;
  debug(fields: Fields, message: string): void;
  info(fields: Fields, message: string): void;
  warn(fields: Fields, message: string): void;
  error(fields: Fields, message: string): void;
}
