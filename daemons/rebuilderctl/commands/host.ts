import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { CommandError, exitCodes } from '../errors.ts';
import { type Acceptance, acceptHost, listHosts, removeHost } from '../host/accepted.ts';
import { joinHost, leaveHost } from '../host/join.ts';
import { requireStandaloneRoot } from '../host/machine.ts';
import { table } from '../terminal.ts';

/** What follows `NAME may call as a rebuilder`. */
const accepted: Readonly<Record<Acceptance, string>> = {
  taken: '.',
  stopped: ' once the line runs: systemctl enable --now rebuilder',
  silent: ' once the line, which runs, has seen it; it has not yet, and journalctl -u rebuilder says why',
};

export function addHost(program: Command, context: Context): void {
  const command = program
    .command('host')
    .description('let other hosts rebuild for the standalone line of this one, over ssh');
  command
    .command('join')
    .description("make this host's line a rebuilder of another host's line; safe to run again")
    .argument('<destination>', 'USER@HOST, who may log in there with ssh and is root there or may use sudo')
    .argument('<name>', 'what this host is called there: lower-case letters, digits and dashes, at most 31')
    .option('--host-key <FINGERPRINT>', "the other host's key, SHA256:…; without it you are asked")
    .addHelpText(
      'after',
      `
It makes this host a key, has the other host accept it for calls of a rebuilder and nothing else, and sets this host's line up.
Exit codes: 0 joined; 1 joined, but the line over there does not answer yet; 2 not.`,
    )
    .action((destination: string, name: string, options: { hostKey?: string }) =>
      join(context, destination, name, options.hostKey),
    );
  command
    .command('leave')
    .description("have this host's line be one of its own again")
    .action(() => leave(context));
  command
    .command('accept')
    .description('let the host that has this key call as a rebuilder; host join does it for you')
    .argument('<name>', 'what that host is called here')
    .argument('<key>', 'its public key: ssh-ed25519 AAAA…')
    .action((name: string, key: string) => accept(context, name, key));
  command
    .command('remove')
    .description('let a host that joined call no more; what it holds is lent again')
    .argument('<name>')
    .action((name: string) => remove(context, name));
  command
    .command('list')
    .description('the hosts that have joined')
    .option('--json', 'one object')
    .action((options: { json?: true }) => list(context, options));
}

async function join(context: Context, destination: string, name: string, hostKey?: string): Promise<void> {
  const { terminal } = context;
  requireStandaloneRoot();
  const answer = await joinHost(context, destination, name, { hostKey });
  terminal.print(`This host is ${name}, a rebuilder of ${destination}. Next:`);
  terminal.print('  systemctl enable rebuilder; systemctl restart rebuilder');
  if (answer === 'ready') return;
  terminal.note(`${destination} does not take its calls yet: ${answer}`);
  context.exit(exitCodes.no);
}

async function leave({ terminal, exit }: Context): Promise<void> {
  requireStandaloneRoot();
  if (await leaveHost())
    terminal.print(
      "This host's line is its own again once it is restarted. Over there: rebuilderctl host remove NAME",
    );
  else {
    terminal.note('this host has joined no other line');
    exit(exitCodes.no);
  }
}

async function accept({ terminal, clock }: Context, name: string, key: string): Promise<void> {
  requireStandaloneRoot();
  const acceptance = await acceptHost(name, key, clock);
  terminal.print(`${name} may call as a rebuilder${accepted[acceptance]}`);
}

async function remove({ terminal, clock }: Context, name: string): Promise<void> {
  requireStandaloneRoot();
  if (!(await removeHost(name, clock))) {
    throw new CommandError(`no host ${name} has joined`, 'rebuilderctl host list', exitCodes.no);
  }
  terminal.print(`${name} may call no more.`);
}

async function list({ terminal }: Context, { json }: { json?: true }): Promise<void> {
  const hosts = await listHosts();
  if (json) return terminal.json({ hosts });
  const rows = hosts.map(({ name, fingerprint, known }) => [name, fingerprint, known ? 'yes' : 'no']);
  for (const line of table(['NAME', 'KEY', 'TAKEN'], rows)) terminal.print(line);
}
