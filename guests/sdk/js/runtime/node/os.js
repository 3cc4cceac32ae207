export const EOL = "\n";
export const tmpdir = () => "/tmp";
export default { EOL, tmpdir };
