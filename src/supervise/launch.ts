/** Environment variables; what is undefined is not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What is run: the program and its arguments, no shell in between. */
export interface Launch {
  readonly program: string;
  readonly args: readonly string[];
  readonly environment: Environment;
}
