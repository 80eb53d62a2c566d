// Writes logs of Claude Code, always the same ones: node generate.mjs DIR MEGABYTES
// Sessions with streaming snapshots, tool results, subagents and resumed copies.
import { mkdirSync, openSync, writeSync, closeSync } from "node:fs";
import { join } from "node:path";

const [dir, megabytes] = [process.argv[2], Number(process.argv[3] ?? 200)];
let seed = 42;
const random = (n) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor((seed / 2 ** 32) * n);
};
const hex = (n) => Array.from({ length: n }, () => random(16).toString(16)).join("");
const uuid = () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`;
const words = "func return error the of \"quoted\" path/to/file.go if err != nil { \\n \t const value => {} src test _tokens usage".split(" ");
const filler = Array.from({ length: 40000 }, () => words[random(words.length)]).join(" ");
const text = (n) => {
  const at = random(filler.length - n);
  return filler.slice(at, at + n);
};
const models = ["claude-sonnet-4-5-20250929", "claude-opus-4-5-20251101", "claude-haiku-4-5-20251001"];

let written = 0;
let clock = Date.parse("2026-10-01T08:00:00Z");
for (let file = 0; written < megabytes * 1e6; file++) {
  const session = uuid();
  const project = join(dir, "projects", `-home-dev-project-${file % 7}`);
  const cwd = `/home/dev/project-${file % 7}`;
  mkdirSync(project, { recursive: true });
  const side = file % 5 === 4;
  const folder = side ? join(project, session, "subagents") : project;
  mkdirSync(folder, { recursive: true });
  const fd = openSync(join(folder, side ? `agent-${hex(17)}.jsonl` : `${session}.jsonl`), "w");
  const model = models[file % models.length];
  const common = { isSidechain: side, userType: "external", cwd, sessionId: session, version: "2.0.35", gitBranch: file % 3 ? `feature/f${file % 11}` : "main" };
  let copied = [];
  for (let size = 0, turn = 0; size < 2e6; turn++) {
    const lines = [];
    const stamp = () => new Date((clock += 700 + random(4000))).toISOString();
    const usage = (output) => ({
      input_tokens: 3 + random(50), cache_creation_input_tokens: 0, cache_read_input_tokens: 0,
      cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 }, output_tokens: output, service_tier: "standard",
    });
    const id = `msg_01${hex(22)}`, requestId = `req_011${hex(21)}`;
    const final = usage(50 + random(900));
    final.cache_read_input_tokens = 10000 + random(90000);
    final.cache_creation.ephemeral_5m_input_tokens = final.cache_creation_input_tokens = random(4000);
    for (const [part, output] of [[{ type: "text", text: text(200 + random(1500)) }, 1], [{ type: "tool_use", id: `toolu_${hex(24)}`, name: "Edit", input: { file_path: `${cwd}/a.go`, old_string: text(random(1200)), new_string: text(random(1200)) } }, final.output_tokens]]) {
      lines.push({ parentUuid: uuid(), ...common, message: { model, id, type: "message", role: "assistant", content: [part], stop_reason: null, stop_sequence: null, usage: { ...final, output_tokens: output } }, requestId, type: "assistant", uuid: uuid(), timestamp: stamp() });
    }
    lines.push({ parentUuid: uuid(), ...common, type: "user", message: { role: "user", content: [{ tool_use_id: `toolu_${hex(24)}`, type: "tool_result", content: text(500 + random(6000)) }] }, uuid: uuid(), timestamp: stamp(), toolUseResult: { stdout: text(random(1000)), stderr: "", interrupted: false } });
    const block = lines.map((l) => JSON.stringify(l) + "\n").join("");
    if (turn < 20) copied.push(block);
    writeSync(fd, block);
    size += block.length;
    written += block.length;
  }
  closeSync(fd);
  if (file % 10 === 0) {
    // Resumed: the history again, under another session.
    const again = uuid();
    const fd = openSync(join(project, `${again}.jsonl`), "w");
    for (const block of copied) writeSync(fd, block.replaceAll(session, again));
    closeSync(fd);
  }
}
