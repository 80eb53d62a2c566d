"""Makes opencode.db and opencode.db-wal: a tree of three levels, rows on overflow pages, a log that is not folded in."""
import json, os, shutil, sqlite3, sys, tempfile

target = os.path.dirname(os.path.abspath(__file__))
work = tempfile.mkdtemp()
path = os.path.join(work, "opencode.db")
db = sqlite3.connect(path, isolation_level=None)
db.execute("PRAGMA page_size=512")
db.execute("PRAGMA journal_mode=WAL")
db.execute("PRAGMA wal_autocheckpoint=0")
db.execute("CREATE TABLE session (id TEXT PRIMARY KEY, directory TEXT)")
db.execute('CREATE TABLE `message` (`id` text PRIMARY KEY, `session_id` text NOT NULL, "time" integer CHECK (time IN (1, 2)), data text NOT NULL, CONSTRAINT fk FOREIGN KEY (session_id) REFERENCES session(id))')


def message(n, pad=0):
    data = {"role": "assistant" if n % 2 else "user", "modelID": "claude-sonnet-4-5", "providerID": "anthropic",
            "cost": 0.25 if n == 3 else 0, "time": {"created": 1763000000000 + n}, "path": {"cwd": "/home/app"},
            "tokens": {"input": n, "output": 10, "reasoning": 5, "cache": {"read": 100, "write": 7}}, "pad": "x" * pad}
    return ("msg_%03d" % n, "ses_1", None, json.dumps(data))


for n in range(200):
    db.execute("INSERT INTO message VALUES (?,?,?,?)", message(n, 3000 if n == 7 else n % 40))
db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
db.execute("INSERT INTO message VALUES (?,?,?,?)", message(201, 700))
db.execute("UPDATE message SET data=? WHERE id='msg_001'", (message(1001)[3],))
db.execute("BEGIN")
db.execute("INSERT INTO message VALUES (?,?,?,?)", message(203))  # never committed
for name in ("opencode.db", "opencode.db-wal"):
    shutil.copy(os.path.join(work, name), os.path.join(target, name))
shutil.rmtree(work)
