const { argv, cwd, env, exit, hrtime, nextTick, platform, stderr, stdout, uptime } = globalThis.process;

export { argv, cwd, env, exit, hrtime, nextTick, platform, stderr, stdout, uptime };
export default globalThis.process;
