// `node:os`, of a machine that has what the guest has.

import { process } from "../process.js";

export const EOL = "\n";
export const devNull = "/dev/null";
export const arch = () => process.arch;
export const availableParallelism = () => 1;
export const cpus = () => [{ model: "unknown", speed: 0, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } }];
export const endianness = () => "LE";
export const freemem = () => totalmem();
export const homedir = () => process.env.HOME ?? "/tmp";
export const hostname = () => "localhost";
export const loadavg = () => [0, 0, 0];
export const machine = () => "x86_64";
export const networkInterfaces = () => ({});
export const platform = () => process.platform;
export const release = () => "5.10.0";
export const tmpdir = () => "/tmp";
export const totalmem = () => Number(process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE ?? 128) * 0x100000;
export const type = () => "Linux";
export const uptime = () => process.uptime();
export const userInfo = () => ({ uid: 0, gid: 0, username: "sbx_user1051", homedir: homedir(), shell: null });
export const version = () => "#1 SMP";
export const constants = {
  signals: { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGKILL: 9, SIGUSR1: 10, SIGUSR2: 12, SIGPIPE: 13, SIGALRM: 14, SIGTERM: 15 },
  errno: {},
  priority: {},
};

export default {
  EOL, arch, availableParallelism, constants, cpus, devNull, endianness, freemem, homedir, hostname, loadavg, machine,
  networkInterfaces, platform, release, tmpdir, totalmem, type, uptime, userInfo, version,
};
