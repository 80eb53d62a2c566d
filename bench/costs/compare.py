"""Runs the tools of bench/costs/run in turns, and prints what each takes: compare.py DIR RUNS."""
import glob, json, os, shutil, subprocess, sys

work, runs = sys.argv[1], int(sys.argv[2])
home = os.path.join(work, "home")
repo = os.path.join(work, "repo")
env = dict(os.environ, HOME=home, XDG_CONFIG_HOME=os.path.join(home, ".config"), XDG_CACHE_HOME=os.path.join(home, ".cache"), NO_COLOR="1")
for name in ("CLAUDE_CONFIG_DIR", "XDG_DATA_HOME"):
    env.pop(name, None)


def binary(package, name):
    found = [p for p in glob.glob(os.path.join(work, "npm/node_modules", package, "**", name), recursive=True)
             if os.path.isfile(p)]
    if not found:
        sys.exit(f"{package}: no program {name}")
    os.chmod(found[0], 0o755)  # npm leaves that to the script that starts it
    return found[0]


def forget():
    """The first import, each time: no ledger, and nothing that any of them remembers."""
    shutil.rmtree(repo, ignore_errors=True)
    for cache in (".cache", ".config/tokscale"):
        shutil.rmtree(os.path.join(home, cache), ignore_errors=True)
    subprocess.run(["git", "init", "-q", repo], check=True)
    subprocess.run(["git", "-C", repo, "-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "one"], check=True)


def run(command):
    out = open(os.path.join(work, "out"), "w+")
    process = subprocess.Popen(command, cwd=repo, env=env, stdout=out, stderr=subprocess.DEVNULL)
    _, status, use = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command}: status {status}")
    out.seek(0)
    return use.ru_utime + use.ru_stime, use.ru_maxrss / 1024, out.read()


ours = [os.path.join(work, "wf-ci"), "costs", "import", "--all-projects", "--source", "claude", "--json"]
peers = {
    "ccusage": ([binary("@ccusage/ccusage-linux-x64", "ccusage"), "claude", "daily", "--offline", "--json"], lambda d: d["totals"]["totalCost"]),
    "tokscale": ([binary("@tokscale/cli-linux-x64-gnu", "tokscale"), "models", "-c", "claude", "--json"], lambda d: d["totalCost"]),
}
tools = {"wf-ci": (ours, lambda d: float(d["usd"])), **peers}
best, totals = {}, {}
for turn in range(runs):
    for name, (command, total) in tools.items():
        forget()
        cpu, rss, out = run(command)
        if turn == 0:
            try:
                totals[name] = total(json.loads(out))
            except (ValueError, KeyError, TypeError) as err:
                totals[name] = f"unknown ({err!r})"
        best[name] = tuple(map(min, best.get(name, (1e9, 1e9)), (cpu, rss)))
forget()
run(ours)
again = min(run(ours)[0] for _ in range(runs))
start = min(run([ours[0], "--version"])[0] for _ in range(runs))
for name, (cpu, rss) in best.items():
    ratio = "" if name == "wf-ci" else f"   ratios: cpu {cpu / best['wf-ci'][0]:.2f}, memory {rss / best['wf-ci'][1]:.2f}"
    same = "" if name == "wf-ci" or isinstance(totals[name], float) and abs(totals[name] - totals["wf-ci"]) < 0.005 else "   NOT THE SAME TOTAL"
    print(f"{name:9} total {totals[name]}   cpu {cpu:.2f} s   memory {rss:.0f} MB{ratio}{same}")
print(f"wf-ci again, nothing changed: cpu {1000 * again:.0f} ms, of which starting the program takes {1000 * start:.0f} ms")
