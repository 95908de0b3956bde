import type { Finding } from "../../../src/examine/finding.js";
import type { Project } from "../support/project.js";

export interface Diagnosis {
  readonly exitCode: number;
  /** Faults alone, in the order in which they are told. */
  readonly faults: readonly Finding[];
}

/** What `gossipd doctor` says in the container of a service. */
export async function diagnose(project: Project, service: string): Promise<Diagnosis> {
  const output = await project.exec(service, 'gossipd doctor -format json; echo "exit $?"');
  const [, json = "{}", status] = /^(.*)exit (\d+)\s*$/s.exec(output) ?? [];
  const { findings } = JSON.parse(json) as { readonly findings: readonly Finding[] };
  return {
    exitCode: Number(status),
    faults: findings.filter(({ result }) => result === "fail"),
  };
}

/** What a fault says, in one text. */
export function wordsOf({ about, cause, found, remedy }: Finding): string {
  return [about, found, cause ?? "", ...remedy].join("\n");
}

/** A command that is to be typed in the container of a service. */
export interface Command {
  readonly service: string;
  readonly command: string;
}

/** The commands among the remedies; alternatives are none. */
export function commandsOf(faults: readonly Finding[]): readonly Command[] {
  return faults.flatMap(({ remedy }) =>
    remedy.flatMap((line) => {
      const [, service, command] = /^on ([\w-]+): (.+)$/s.exec(line) ?? [];
      return service === undefined || command === undefined ? [] : [{ service, command }];
    }),
  );
}
