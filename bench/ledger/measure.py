"""Makes logs of so many calls and a ledger of them, and prints what commands take: measure.py DIR ENTRIES RUNS."""
import datetime, json, os, subprocess, sys
from fractions import Fraction

work, entries, runs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
repo = os.path.join(work, "repo")
logs = os.path.join(work, "home/.claude/projects/p")
env = dict(os.environ, HOME=os.path.join(work, "home"))
env.pop("CLAUDE_CONFIG_DIR", None)
start = datetime.datetime(2025, 11, 27, tzinfo=datetime.timezone.utc)
at = start + datetime.timedelta(days=365)
sonnet = (3, 15, Fraction(3, 10), Fraction(15, 4))  # dollars for a million: input, output, cache read, cache write


def log():
    """The sum of all calls, each rounded to a nano-dollar, half up."""
    os.makedirs(logs)
    total = 0
    files = [open(os.path.join(logs, f"{n}.jsonl"), "w") for n in range(20)]
    for i in range(entries):
        time = (start + (at - start) * i / entries).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        tokens = (3 + i % 977, 1 + i % 1009, i % 100_003, i % 4001)
        total += int(1000 * sum(n * price for n, price in zip(tokens, sonnet)) + Fraction(1, 2))
        usage = dict(zip(("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"), tokens))
        line = {"type": "assistant", "timestamp": time, "sessionId": "s", "requestId": f"req_011{i:021}", "cwd": "/p", "gitBranch": f"feature/f{i % 40}",
                "message": {"id": f"msg_01{i:022}", "model": "claude-sonnet-4-5-20250929", "usage": usage}}
        files[i * 20 // entries].write(json.dumps(line) + "\n")
    for f in files:
        f.close()
    return total


def run(name, *args, times=runs):
    command = [os.path.join(work, "wf-ci"), "costs", *args]
    best = None
    for n in range(times):
        with open(os.path.join(work, "out"), "w+") as out:
            process = subprocess.Popen([a.replace("RUN", f"{name}-{n}") for a in command], cwd=repo, env=env, stdout=out, stderr=subprocess.PIPE, text=True)
            message = process.stderr.read()
            _, status, use = os.wait4(process.pid, 0)
            if os.waitstatus_to_exitcode(status) not in (0, 1):
                sys.exit(f"{command}: {message}")
            out.seek(0)
            text = out.read()
        took = (use.ru_utime + use.ru_stime, use.ru_maxrss / 1024)
        best = took if best is None else tuple(map(min, best, took))
    print(f"{name:25} {best[0]:7.2f} s {best[1]:7.0f} MB", flush=True)
    return text


want = log()
subprocess.run(["git", "init", "-q", repo], check=True)
now = at.strftime("%Y-%m-%dT%H:%M:%SZ")
run("import", "import", "--all-projects", "--source", "claude", "--json", times=1)
run("pack", "pack", times=1)
run("check, the first time", "check", "--estimate", "1", "--at", now, times=1)
run("check", "check", "--estimate", "1", "--at", now)
run("route", "route", "--task", "summarization", "--at", now)
run("show", "show", "--at", now)
run("report of a day", "report", "--stdout", "--at", now)
run("record of one entry", "record", "--usd", "0.01", "--category", "compute", "--id", "RUN")
run("record in a closed month", "record", "--usd", "0.01", "--category", "compute", "--id", "RUN-late", "--at", (start + datetime.timedelta(days=100)).strftime("%Y-%m-%dT00:00:00Z"))
run("import, nothing new", "import", "--all-projects", "--source", "claude", "--json")
run("rebuild", "rebuild")
got = json.loads(run("verify", "verify", "--json"))
total = Fraction(got["total"]) - 2 * runs * Fraction(1, 100)
if total != Fraction(want, 10**9):
    sys.exit(f"the ledger says {total}, the sum is {Fraction(want, 10**9)}")
print(f"{got['entries']} entries, {got['total']} dollars: right to the last digit")
