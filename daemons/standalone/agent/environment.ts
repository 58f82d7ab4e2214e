import { userInfo } from 'node:os';
import type { AgentCall } from '../protocol/agent-call.ts';
import type { DoorConfig } from './config.ts';

/** What a service learns about its call: libqrexec/exec.c, exec_qubes_rpc2. The type is empty anywhere but in dom0. */
export function callEnvironment(call: AgentCall): Record<string, string> {
  return {
    QREXEC_REQUESTED_TARGET_TYPE: '',
    QREXEC_SERVICE_FULL_NAME: call.service,
    QREXEC_REMOTE_DOMAIN: call.source,
    QREXEC_SERVICE_ARGUMENT: call.service.slice(call.service.indexOf('+') + 1),
  };
}

/** Inherited by every executable service of a door: the agent's environment, without what qrexec itself sets. */
export function serviceEnvironment(
  door: DoorConfig,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  const { username, homedir } = userInfo();
  const inherited: Record<string, string> = { HOME: homedir, USER: username, LOGNAME: username };
  for (const [name, value] of Object.entries({ ...env, ...door.env })) {
    if (value === undefined || stripped(name)) continue;
    inherited[name] = value;
  }
  return inherited;
}

/** libqrexec/exec.c, should_strip_env_var; the supervisor's socket is the agent's alone. */
function stripped(name: string): boolean {
  if (name === 'NOTIFY_SOCKET') return true;
  return name.startsWith('QREXEC') && name !== 'QREXEC_SERVICE_PATH' && name !== 'QREXEC_AGENT_PID';
}
