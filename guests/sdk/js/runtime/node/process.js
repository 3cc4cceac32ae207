const { process } = globalThis;

export const {
  addListener, arch, argv, argv0, chdir, config, cpuUsage, cwd, emitWarning, env, emit, execArgv, execPath, exit, features, getegid, geteuid, getgid, getuid, hrtime, memoryUsage, nextTick, off, on, once, pid, platform, ppid,
  release, stderr, stdin, stdout, title, umask, uptime, version, versions,
} = process;
export default process;
