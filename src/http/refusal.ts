/** Every answer that is not what was asked for. */
export interface ErrorBody {
  readonly error: {
    /** For programs: one of {@link codes}. */
    readonly code: string;
    /** What is wrong, one sentence for people. */
    readonly message: string;
    /** What to do about it. */
    readonly hint?: string;
  };
}

const codes = {
  400: "bad_request",
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  405: "method_not_allowed",
  408: "timeout",
  413: "body_too_large",
  415: "unsupported_media_type",
  431: "headers_too_large",
  500: "internal",
  503: "unavailable",
} as const;

export type RefusalStatus = keyof typeof codes;

/** The client's to mend, mostly: an answer instead of what was asked for. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: RefusalStatus;
  readonly hint: string | undefined;

  constructor(status: RefusalStatus, message: string, hint?: string) {
    super(message);
    this.status = status;
    this.hint = hint;
  }

  get body(): ErrorBody {
    const { hint, message, status } = this;
    const error = { code: codes[status], message };
    return { error: hint === undefined ? error : { ...error, hint } };
  }
}
