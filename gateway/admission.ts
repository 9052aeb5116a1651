import type { FastifyRequest } from 'fastify';
import { Refusal } from './refusal.js';

export interface AdmissionLimits {
  /** Requests being answered at once. */
  requests: number;
  /** Bytes of the bodies of those, as announced. */
  bodyBytes: number;
  /** Counted for a body whose length is not announced: the most it may have. */
  unannouncedBytes: number;
}

/** Bounds the gateway's memory: what goes beyond is refused before its body is read. */
export class Admission {
  readonly #limits: AdmissionLimits;
  #requests = 0;
  #bytes = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  get inFlight(): number {
    return this.#requests;
  }

  /** Returns what to call when the request is over. */
  admit(headers: FastifyRequest['headers']): () => void {
    const announced = Number(headers['content-length'] ?? this.#limits.unannouncedBytes);
    const bytes = Number.isFinite(announced)
      ? Math.min(announced, this.#limits.unannouncedBytes)
      : 0;
    if (this.#requests >= this.#limits.requests || this.#bytes + bytes > this.#limits.bodyBytes) {
      throw new Refusal(
        503,
        'Overloaded',
        'the gateway answers as many requests as it may; try again in a moment',
      );
    }
    this.#requests += 1;
    this.#bytes += bytes;
    return () => {
      this.#requests -= 1;
      this.#bytes -= bytes;
    };
  }
}
