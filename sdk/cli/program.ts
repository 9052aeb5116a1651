import { Command, CommanderError } from 'commander';
import { ModelyardError } from '../errors.js';
import { addApprovalCommands } from './approval-commands.js';
import { addAuditCommands } from './audit-commands.js';
import { addChangeCommands } from './change-commands.js';
import { processContext, type Context, type GlobalOptions } from './context.js';
import { addDevCommand } from './dev-command.js';
import { examine } from './doctor.js';
import { EXIT } from './exit-codes.js';
import { packageVersion } from './package-version.js';
import { addPoolCommands } from './pool-commands.js';
import { addReconcileCommand } from './reconcile-command.js';
import { addFreezeCommands } from './freeze-commands.js';
import { addRunCommands } from './run-commands.js';
import { addScheduleCommands } from './schedule-commands.js';
import { addShadowCommands } from './shadow-commands.js';
import { table } from './table.js';
import { addTagCommands } from './tag-commands.js';

const ABOUT = `
Settings come from the environment: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_UI_URL,
MODELYARD_TASK_QUEUE, MODELYARD_ACTOR, MODELYARD_SIGNER_KEY_FILE, MODELYARD_SIGNER_SSH_AGENT, MODELYARD_GATEWAY_URL,
MODELYARD_GATEWAY_TOKEN, MLFLOW_TRACKING_URI.

Exit codes: ${String(EXIT.ok)} done, ${String(EXIT.failed)} refused, failed or not in order, ${String(EXIT.usage)} wrong command line, ${String(EXIT.unexpected)} another decision than --expect.`;

export function buildProgram(context?: Context): Command {
  const program = new Command('modelyard')
    .description('the life of machine-learning models on Temporal')
    .version(packageVersion(), '--version')
    .option('--json', 'print the answer as JSON')
    .option('--signer-key-file <file>', 'sign promotes and approvals with this Ed25519 private key')
    .addHelpText('after', ABOUT)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true });
  const used = context ?? processContext(() => program.opts<GlobalOptions>());
  addDevCommand(program, used);
  addDoctor(program, used);
  addTagCommands(program, used);
  addRunCommands(program, used);
  addChangeCommands(program, used);
  addApprovalCommands(program, used);
  addFreezeCommands(program, used);
  addAuditCommands(program, used);
  addScheduleCommands(program, used);
  addShadowCommands(program, used);
  addPoolCommands(program, used);
  addReconcileCommand(program, used);
  return program;
}

function addDoctor(program: Command, context: Context): void {
  program
    .command('doctor')
    .description('check everything this client depends on')
    .action(async () => {
      const findings = await examine();
      context.answer(findings, () =>
        table(
          ['check', '', 'detail'],
          findings.map(({ check, ok, detail }) => [check, ok ? 'ok' : 'FAILED', detail]),
          { whole: ['check', 'detail'] },
        ),
      );
      if (findings.some(({ ok }) => !ok)) context.exitWith(EXIT.failed);
    });
}

/** Runs one command line and says how it ended; never throws. */
export async function runCommandLine(
  argv: string[],
  write: (text: string) => void,
): Promise<number> {
  const program = buildProgram();
  try {
    await program.parseAsync(argv);
    return Number(process.exitCode ?? EXIT.ok);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    write(describe(error, program.opts<GlobalOptions>().json === true));
    return EXIT.failed;
  }
}

/** A refusal is a sentence for people and a record for programs; anything else is a defect, with its stack. */
function describe(error: unknown, json: boolean): string {
  if (error instanceof ModelyardError) {
    const {
      name,
      message,
      code,
      stack: _,
      cause: __,
      ...fields
    } = error as ModelyardError & Record<string, unknown>;
    return json
      ? JSON.stringify({ error: { name, code, message, ...fields } }, null, 2)
      : `${name}: ${message}`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
