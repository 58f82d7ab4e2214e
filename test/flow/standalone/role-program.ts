/**
 * A role that writes down what it was given, says that it is ready and then that it is well, and answers calls through its door with the header
 * and the bytes it received. SIGTERM ends it after it has called the orchestrator once more, as a worker does that hands
 * back its lease.
 */
export const roleProgram = `
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
const role = basename(process.argv[1], '.js');
const { env } = process;
const refuses = join(env.STATE_DIRECTORY, 'refuse');
if (existsSync(refuses)) {
  console.error('line one\\nthis role does not want to');
  process.exit(3);
}
const self = join(env.STATE_DIRECTORY, 'self.json');
writeFileSync(self + '.new', JSON.stringify({
  uid: process.getuid(), gid: process.getgid(), groups: process.getgroups(), cwd: process.cwd(), env,
  config: readFileSync(env.PACKAGE_REBUILDER_CONF, 'utf8'), pid: process.pid,
}));
renameSync(self + '.new', self);
const tell = 'socket(S, AF_UNIX, SOCK_DGRAM, 0); send(S, shift, 0, pack_sockaddr_un($ENV{NOTIFY_SOCKET}))';
const say = (message) => spawnSync('perl', ['-MSocket', '-e', tell, message], { stdio: 'inherit' });
const ready = () => {
  say('READY=1');
  const alive = () => say('WATCHDOG=1');
  alive();
  setInterval(alive, Number(env.WATCHDOG_USEC) / 2_000);
};
if (role === 'orchestrator' || role === 'vault') {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const chunks = [];
    socket.on('error', () => {});
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => socket.end(Buffer.concat(chunks)));
  });
  server.listen(join(env.RUNTIME_DIRECTORY, 'door.sock'), ready);
} else ready();
process.on('SIGTERM', () => {
  if (role === 'getter') {
    const { status } = spawnSync(env.QREXEC_CLIENT_VM, ['@default', 'rebuilder.Return+get'], { input: 'back' });
    writeFileSync(join(env.STATE_DIRECTORY, 'handed-back'), String(status));
  }
  process.exit(0);
});
setInterval(() => {}, 1000);
`;
