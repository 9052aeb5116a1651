import { createHash, timingSafeEqual } from 'node:crypto';
import { Refusal } from './refusal.js';

/** A check of the Authorization header that takes the same time however much of the token is right. */
export function requireToken(token: string): (authorization: string | undefined) => void {
  const expected = sha256(`Bearer ${token}`);
  return (authorization) => {
    if (timingSafeEqual(sha256(authorization ?? ''), expected)) return;
    const came = authorization === undefined ? 'none' : 'another one';
    throw new Refusal(
      401,
      'Unauthorized',
      `expected "Authorization: Bearer" with the gateway's admin token, got ${came}; use the value of MODELYARD_GATEWAY_ADMIN_TOKEN`,
    );
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
