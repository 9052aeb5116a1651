import type { Command } from 'commander';
import { InvalidRequestError } from '../errors.js';
import type { ChainCheck } from '../ledger-chain.js';
import { contentOf, readHead, verifyFiles, writeHead } from '../ledger-export.js';
import type { VerifyOptions } from '../types.js';
import type { Context } from './context.js';
import { EXIT } from './exit-codes.js';
import { facts, instant } from './table.js';

interface VerifyFlags {
  file?: string;
  head?: string;
  publicKey?: string;
}

/** What an auditor keeps elsewhere, and checks against later. */
export function addAuditCommands(program: Command, context: Context): void {
  addLedgerHead(program, context);
  addVerify(program, context);
}

function addLedgerHead(program: Command, context: Context): void {
  program
    .command('ledger-head <tag>')
    .description("the end of a tag's ledger, signed by the platform, to keep elsewhere")
    .option('--out <file>', 'write it there, for verify --head')
    .action((tag: string, { out }: { out?: string }) =>
      context.withPlatform(async (platform) => {
        const head = await platform.ledgerHead(tag);
        if (out !== undefined) await writeHead(out, head);
        context.answer(head, () =>
          facts([
            ['tag', head.tag],
            ['entry', `#${String(head.seq)}`],
            ['hash', head.hash],
            ['at', instant(head.at)],
            ['signature', head.signature],
            ...(out === undefined ? [] : [['written to', out] as [string, string]]),
          ]),
        );
      }),
    );
}

function addVerify(program: Command, context: Context): void {
  program
    .command('verify [tag]')
    .description("recompute the ledger's hash chain; of a file without asking anybody")
    .option('--file <ledger>', 'of ledger --export, in place of a tag; needs the other two')
    .option('--head <file>', 'of ledger-head --out: the ledger must lead through it')
    .option('--public-key <file>', "the platform's, PEM: the head must be signed by it")
    .action(async (tag: string | undefined, flags: VerifyFlags) => {
      const outcome = tag === undefined ? await ofFile(flags) : await ofTag(context, tag, flags);
      context.answer(outcome, () => describeCheck(outcome));
      if (!outcome.ok) context.exitWith(EXIT.failed);
    });
}

async function ofTag(context: Context, tag: string, flags: VerifyFlags): Promise<ChainCheck> {
  if (flags.file !== undefined) throw refused('expected a tag or --file, got both');
  const options: VerifyOptions = {
    ...(flags.head !== undefined && { head: await readHead(flags.head) }),
    ...(flags.publicKey !== undefined && { publicKey: await contentOf(flags.publicKey) }),
  };
  return context.withPlatform((platform) => platform.verify(tag, options));
}

function ofFile({ file, head, publicKey }: VerifyFlags): Promise<ChainCheck> {
  if (file === undefined) throw refused('expected a tag, or --file, got neither');
  if (head === undefined || publicKey === undefined)
    throw refused('expected --head and --public-key with --file: a chain alone proves nothing');
  return verifyFiles({ ledger: file, head, publicKey });
}

function describeCheck({ checked, firstBad: bad }: ChainCheck): string {
  if (bad) return `entry ${String(bad.seq)} does not hold: ${bad.reason}`;
  return `${String(checked)} entries hold`;
}

const refused = (message: string): InvalidRequestError =>
  new InvalidRequestError(`verify: ${message}`, [{ path: '', message }]);
