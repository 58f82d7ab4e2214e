import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, type SpawnedProgram } from '../../../daemons/lib/daemon/program.ts';
import { eventually, modes, type OwnLine, ownLine, processesWith, type RunningLine } from './own-line.ts';

const scratchMib = 64;
const memoryMib = 256;
const processes = 300;

describe.each(modes)('a sandbox made by %s', (mode) => {
  let own: OwnLine;
  let line: RunningLine;
  let host: Server;
  const addresses = { port: 0, abstract: '', path: '' };

  beforeAll(async () => {
    own = await ownLine(mode);
    own.policy(
      'test.Run + @tag:package-rebuilder-rebuilder @dispvm allow target=@dispvm:rebuilder-dvm-debian\n',
    );
    own.service('disposable', 'test.Run', 'exec /bin/sh -s');
    line = await own.start([
      ...['--disposable-scratch-mib', `${scratchMib}`, '--disposable-memory-mib', `${memoryMib}`],
      ...['--disposable-processes', `${processes}`],
    ]);
    host = createServer((socket) => socket.end('the host\n'));
    await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
    addresses.port = (host.address() as { port: number }).port;
  });
  afterAll(async () => {
    host.close();
    await own.close();
  });

  async function inside(script: string): Promise<{ status: number; out: string; err: string }> {
    const { status, stdout, stderr } = await line.call('rebuilder', ['@dispvm', 'test.Run'], script);
    return { status, out: stdout.toString('utf8'), err: stderr };
  }

  /** Starts a call that says something, and waits until it did. */
  async function startInside(script: string): Promise<{ program: SpawnedProgram; said: string }> {
    const program = line.startCall('rebuilder', ['@dispvm', 'test.Run']);
    program.stdin.on('error', () => {});
    program.stdin.end(script);
    const said = await new Promise<string>((resolve) =>
      program.stdout.once('data', (chunk) => resolve(`${chunk}`)),
    );
    return { program, said };
  }

  it('answers a call with the service’s streams and exit code', async () => {
    expect(await inside('echo out; echo err >&2; exit 42')).toEqual({
      status: 42,
      out: 'out\n',
      err: 'err\n',
    });
    expect((await inside('kill -9 $$')).status).toBe(137);
    expect((await line.call('getter', ['@dispvm', 'test.Run'])).status).toBe(126);
    expect((await line.call('rebuilder', ['@dispvm', 'test.Run2'])).status).toBe(126);
  });

  it('is root of all ids below 65535, under a name of its own, and knows its call', async () => {
    const { out } = await inside(`
      id -u; hostname | tr 0-9 N | tr -s N; echo "$QREXEC_SERVICE_FULL_NAME $QREXEC_REMOTE_DOMAIN $DISPOSABLE_SCRATCH"
      touch /tmp/f && for id in 1 42 1000 65533 65534; do chown $id:$id /tmp/f && stat -c %u:%g /tmp/f; done
      chown 65535 /tmp/f 2>/dev/null || echo no more
      env | grep -c SANDBOX; node -p 1+1`);
    expect(out).toBe(
      '0\ndispN\ntest.Run+ rebuilder-worker /var/lib/disposable\n' +
        '1:1\n42:42\n1000:1000\n65533:65533\n65534:65534\nno more\n0\n2\n',
    );
  });

  it('has no network but its own loopback', async () => {
    const { out } = await inside(`
      awk 'NR > 2 { print $1 }' /proc/net/dev; cat /sys/class/net/lo/flags
      perl -MSocket -e '
        socket(S, PF_INET, SOCK_STREAM, 0);
        print connect(S, sockaddr_in(${addresses.port}, inet_aton("127.0.0.1"))) ? "reached\n" : "$!\n";
        socket(D, PF_INET, SOCK_DGRAM, 0);
        print defined send(D, "x", 0, sockaddr_in(53, inet_aton("9.9.9.9"))) ? "sent\n" : "$!\n"'
      cat /etc/resolv.conf`);
    expect(out).toBe('lo:\n0x9\nConnection refused\nNetwork is unreachable\n');
  });

  it('cannot reach the host’s abstract sockets', async () => {
    const name = `abstract-${process.pid}-${mode}`;
    const listen = `socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un("\\0${name}")); listen(S, 5);
      $| = 1; print "up\\n"; accept(C, S); print "reached\\n"`;
    const { spawnProgram } = await import('../../../daemons/lib/daemon/program.ts');
    const server = spawnProgram('perl', ['-MSocket', '-e', listen]);
    await new Promise((resolve) => server.stdout.once('data', resolve));
    const { out } = await inside(`perl -MSocket -e '
      socket(S, AF_UNIX, SOCK_STREAM, 0);
      print connect(S, pack_sockaddr_un("\\0${name}")) ? "reached" : "$!"'`);
    server.kill('SIGKILL');
    expect(out).toBe('Connection refused');
  });

  it('sees nothing of the broker, the line, the roles or the host’s data', async () => {
    const { out } = await inside(`
      find / -xdev -type s; find /tmp /run /home /root /srv /mnt /media /opt /var -mindepth 1 -type f | sort
      for path in ${own.folder} ${own.dir} ${process.cwd()} /etc/shadow /etc/subuid /etc/ssh /etc/ssl /etc/machine-id \
          /var/lib/dpkg/info/dpkg.list /usr/local/bin /.host /etc/package-rebuilder /etc/apt/sources.list; do
        [ ! -e "$path" ] || ls -A "$path"
      done
      cat /proc/self/mountinfo | grep -c -e ${own.dir}/qubes -e ${own.dir}/state`);
    const files = out.trim().split('\n');
    const shown = files.filter((name) => !name.startsWith('/opt/package-rebuilder/'));
    expect(shown).toEqual(['/var/lib/dpkg/status', '0']);
  });

  it('sees no process of the host and ends none', async () => {
    const { out } = await inside(`
      ls /proc | grep -c '^[0-9]'; kill -9 ${line.program.pid} 2>&1 || :; kill -0 ${process.pid} 2>&1 || :
      [ "$(readlink /proc/1/root)" = / ] && echo own root; kill -9 -1; echo alive`);
    expect(out).toMatch(/^[3-9]\n.*No such process\n+.*No such process\n+own root\nalive\n$/);
    expect((await line.call('getter', ['@default', 'rebuilder.Lease+get'])).status).toBe(0);
  });

  it('has the devices that programs expect and can make no other', async () => {
    const { out } = await inside(`
      ls /dev | tr '\\n' ' '; echo
      echo x > /dev/null && head -c 2 /dev/zero | wc -c && head -c 2 /dev/urandom | wc -c
      for made in 'b 8 0' 'c 1 1' 'c 10 200'; do mknod /tmp/d $made 2>/dev/null && echo made; rm -f /tmp/d; done
      mount -t ext4 /dev/vda /mnt 2>/dev/null || mount -t devtmpfs d /mnt 2>/dev/null || echo none mounted`);
    expect(out).toBe(
      'fd full null ptmx pts random shm stderr stdin stdout tty urandom zero \n2\n2\nnone mounted\n',
    );
  });

  it('can change nothing of the host’s', async () => {
    const { out } = await inside(`
      for path in /usr/bin /usr/lib /etc/qubes-rpc /opt/package-rebuilder/lib /sys/kernel /usr/local; do
        touch "$path/x" 2>/dev/null && echo "wrote $path"
        mount -o remount,bind,rw "$path" 2>/dev/null && touch "$path/x" 2>/dev/null && echo "wrote $path"
      done
      (: > /usr/bin/node) 2>/dev/null && echo wrote
      for key in kernel/hostname kernel/core_pattern vm/overcommit_memory user/max_user_namespaces; do
        echo 1 2>/dev/null > /proc/sys/$key && echo "set $key"
      done
      echo b 2>/dev/null > /proc/sysrq-trigger && echo sysrq
      unshare --user true 2>/dev/null && echo user namespace
      setpriv --dump | grep -o -e sys_module -e sys_time -e sys_rawio -e sys_boot -e sys_resource -e bpf -e net_raw |
        sort | uniq -c
      echo done`);
    expect(out).toBe('done\n');
  });

  it('gains nothing from the host’s set-uid programs', async () => {
    const { out } = await inside(
      'setpriv --reuid 1000 --regid 1000 --clear-groups sh -c "su -c id 2>&1; id -u"',
    );
    expect(out.trim().split('\n').at(-1)).toBe('1000');
    expect(out).not.toContain('uid=0');
  });

  it('sees nothing of another that lives at the same time', async () => {
    const other = await startInside(`
      echo secret > /var/lib/disposable/mark; echo secret > /tmp/mark; hostname; sleep 4321`);
    const { out } = await inside(
      'find /var/lib/disposable /tmp /run /dev/shm -type f; ls /proc | grep -c "^[0-9]"; hostname',
    );
    other.program.kill('SIGKILL');
    const [count, name] = out.trim().split('\n');
    expect(Number(count)).toBeLessThan(10);
    expect(name).not.toBe(other.said.trim());
    expect((await inside('ls /var/lib/disposable')).out).toBe('');
  });

  it('takes its processes with it, whatever they do to stay', async () => {
    const mark = `4242.${process.pid}${mode === 'root' ? 1 : 2}`;
    const { status } = await inside(`
      (trap '' HUP TERM; setsid sh -c 'exec sleep ${mark} </dev/null >/dev/null 2>&1' &)
      perl -e 'if (!fork) { setpgrp; if (!fork) { exec qw(sleep ${mark}) } exit } close STDOUT; close STDERR'
      sleep 0.2; pgrep -c sleep`);
    expect(status).toBe(0);
    await eventually('they are gone', () => processesWith(mark).length === 0);
  });

  it('leaves no mount behind', async () => {
    const before = readFileSync('/proc/self/mountinfo', 'utf8');
    await inside('mount -t tmpfs x /mnt; mount --bind /usr /srv; echo x > /mnt/x');
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(before);
  });

  it('dies with the caller, the broker, the agent or the line that is killed', async () => {
    const victims: Record<string, () => void> = {
      caller: () => {},
      broker: () => kill('broker.js'),
      agent: () => kill('agent.js'),
      line: () => line.program.kill('SIGKILL'),
    };
    for (const [index, [victim, end]] of Object.entries(victims).entries()) {
      const mark = `777.${process.pid}${index}${mode === 'root' ? 1 : 2}`;
      const { program } = await startInside(`setsid sleep ${mark} </dev/null & echo up; sleep ${mark}`);
      await eventually('both sleep', () => processesWith(mark).length >= 2);
      if (victim === 'caller') program.kill('SIGKILL');
      end();
      await eventually(`the sandbox is gone, ${victim} killed`, () => processesWith(mark).length === 0);
      program.kill('SIGKILL');
      if (victim !== 'caller') {
        await line.program.exited;
        await eventually('the line is gone', () => processesWith(own.dir).length === 0);
        line = await own.start([
          ...['--disposable-scratch-mib', `${scratchMib}`, '--disposable-memory-mib', `${memoryMib}`],
          ...['--disposable-processes', `${processes}`],
        ]);
      }
    }
  });

  function kill(program: string): void {
    for (const pid of processesWith(join(own.folder, 'project/build/lib', program)))
      process.kill(pid, 'SIGKILL');
  }

  it('contains a fork bomb', async () => {
    const mark = `bomb${process.pid}${mode}`;
    const bomb = line.call(
      'rebuilder',
      ['@dispvm', 'test.Run'],
      `perl -e '$0 = "${mark}"; $SIG{CHLD} = "IGNORE"; setpgrp; while (1) { defined fork or sleep 3, kill KILL => 0 }' 2>/dev/null; echo over`,
    );
    let most = 0;
    let over = false;
    const watch = eventually('the bomb is over', () => {
      most = Math.max(most, processesWith(mark).length);
      return over;
    });
    const { stdout } = await bomb;
    over = true;
    expect(stdout.toString()).toBe('over\n');
    expect((await inside('echo next')).out).toBe('next\n');
    await eventually('the bomb is gone', () => processesWith(mark).length === 0);
    await watch;
    expect(most).toBeGreaterThan(processes / 3);
    expect(most).toBeLessThanOrEqual(processes);
  });

  it('contains what fills its disk, and is private again afterwards', async () => {
    const { out } = await inside(`
      dd if=/dev/zero of=/var/lib/disposable/big bs=1M count=${scratchMib * 2} 2>&1 | grep -o 'No space left on device'
      stat -c %s /var/lib/disposable/big; df -B1 --output=size /var/lib/disposable | tail -1`);
    const [why, size, total] = out.trim().split('\n');
    expect(why).toBe('No space left on device');
    expect(Number(size)).toBeLessThanOrEqual(scratchMib * 1_048_576);
    expect(Number(total)).toBe(scratchMib * 1_048_576);
    expect((await inside('df --output=used /var/lib/disposable | tail -1')).out.trim()).toBe('0');
  });

  it('is limited in memory where a cgroup can be had, and says whether it is', async () => {
    const { out } = await inside(`
      echo "limited by: $DISPOSABLE_LIMITED_BY"
      perl -e '$x = "x" x (${memoryMib * 2} << 20); print "had it\n"'
      echo "perl $?"`);
    // Only root can make groups on this machine; where an ordinary user has some, this test says so by failing.
    expect(out).toBe(
      mode === 'root' ? 'limited by: cgroup memory,pids\nperl 137\n' : 'limited by: \nhad it\nperl 0\n',
    );
  });

  it('refuses the call when it cannot be made', async () => {
    const broken = join(own.folder, 'project/build/lib/sandbox/furnish.sh');
    const text = readFileSync(broken, 'utf8');
    writeFileSync(broken, 'echo "no root to be had" >&2; exit 1\n');
    const { status, err } = await inside('echo x');
    writeFileSync(broken, text);
    expect([status, err]).toEqual([126, 'Request refused\n']);
    const log = line.log(mode === 'root' ? 'agent-disposable' : 'agent');
    expect(log).toMatch(/error agent: disp\d+ did not start: no root to be had/);
    expect((await inside('echo x')).out).toBe('x\n');
  });

  it('makes chroots: mmdebstrap as root, foreign owners, device nodes, an overlay', async () => {
    const repository = join(own.folder, `project/build/qrexec/services/disposable/repository`);
    await makeRepository(repository);
    line.program.stdin.end();
    await line.program.exited;
    line = await own.start();
    const { out, err } = await inside(`
      set -e; cd /var/lib/disposable; export TMPDIR=$PWD; cp -r /etc/qubes-rpc/repository .
      mmdebstrap --mode=root --variant=extract --format=directory --skip=check/qemu --include=test-owners \
        bookworm root "deb [trusted=yes] copy://$PWD/repository ./" >&2
      stat -c '%u:%g %a' root/srv/owned
      mkdir upper work merged
      mount -t overlay -o userxattr,lowerdir=root,upperdir=upper,workdir=work overlay merged
      echo more >> merged/srv/owned; cat merged/srv/owned; cat root/srv/owned
      mkdir -p merged/usr merged/proc merged/dev merged/sys
      mount --rbind /usr merged/usr; for link in bin lib lib64; do ln -s usr/$link merged/$link; done
      mount -t proc proc merged/proc; mount -t sysfs sysfs merged/sys; mount --rbind /dev merged/dev
      chroot merged setpriv --reuid 1234 --regid 1234 --clear-groups sh -c 'id -u; echo x > /dev/null && ls /proc/self/exe >/dev/null && echo chroot'`);
    expect(`${out}${err.slice(-300)}`).toContain('42:4242 640\nowned\nmore\nowned\n1234\nchroot\n');
  });
});

/** A package with a file of a foreign owner, in a repository that needs no network. */
async function makeRepository(folder: string): Promise<void> {
  const script = `
    set -eu; mkdir -p "$1" && cd "$1" && mkdir -p tree/DEBIAN tree/srv
    printf '%s\n' 'Package: test-owners' 'Version: 1' 'Architecture: all' 'Maintainer: T <t@example.org>' \
      'Essential: yes' 'Description: owners' > tree/DEBIAN/control
    echo owned > tree/srv/owned; chmod 640 tree/srv/owned; chown 42:4242 tree/srv/owned
    dpkg-deb --build tree test-owners_1_all.deb >/dev/null; rm -r tree
    apt-ftparchive packages . > Packages
    apt-ftparchive -o APT::FTPArchive::Release::Codename=bookworm -o APT::FTPArchive::Release::Suite=bookworm release . > R
    mv R Release; chmod -R a+rX .`;
  await run('sh', ['-c', script, 'sh', folder], { timeoutMs: 30_000 });
}
