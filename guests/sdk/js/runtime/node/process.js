const { process } = globalThis;

export const {
  arch, argv, chdir, cpuUsage, cwd, emitWarning, env, execPath, exit, hrtime, memoryUsage, nextTick, off, on, once, pid, platform,
  release, stderr, stdin, stdout, title, umask, uptime, version, versions,
} = process;
export default process;
