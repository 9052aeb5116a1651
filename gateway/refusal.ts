/** An answer other than success, with the status and code the caller sees. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  /** Further fields of the answer's body, such as the route in force. */
  readonly fields: Record<string, unknown>;

  constructor(status: number, code: string, message: string, fields: Record<string, unknown> = {}) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.code = code;
    this.fields = fields;
  }

  get body(): Record<string, unknown> {
    return { code: this.code, message: this.message, ...this.fields };
  }
}

/** Codes of the HTTP framework's own refusals, by status. */
const FRAMEWORK_CODES: Record<number, string> = {
  404: 'NotFound',
  413: 'PayloadTooLarge',
  415: 'UnsupportedMediaType',
};

/** The refusal an error means; what nobody foresaw is 500 and says nothing of its inside. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (!(error instanceof Error) || !(status >= 400 && status < 500)) {
    return new Refusal(
      500,
      'Internal',
      "the gateway failed on this request; look for 'failed' in its log",
    );
  }
  return new Refusal(status, FRAMEWORK_CODES[status] ?? 'BadRequest', error.message);
}
