import hashlib
import os
import pickle
import sqlite3
import subprocess
from pathlib import Path

import requests
import yaml
from flask import Flask, abort, g, jsonify, redirect, render_template, request, send_from_directory, url_for
from markupsafe import escape
from werkzeug.utils import secure_filename

app = Flask(__name__)
ROOT = Path("files").resolve()
KINDS = {"text", "image"}


def db():
    if "db" not in g:
        g.db = sqlite3.connect("shop.db")
    return g.db


@app.route("/items")
def items():
    name = request.args.get("name", "")
    rows = db().execute("SELECT * FROM items WHERE name = ?", (name,)).fetchall()
    return jsonify(rows)


@app.route("/search")
def search():
    term = request.args["q"].strip()
    query = "SELECT * FROM items WHERE name LIKE '%%%s%%'" % term
    cur = db().cursor()
    cur.execute(query)  # want py-sql-injection py-sql-built
    page = int(request.args.get("page", 1))
    cur.execute(f"SELECT * FROM items LIMIT 10 OFFSET {page * 10}")  # want py-sql-built
    return render_template("search.html", rows=cur.fetchall(), term=term)


@app.route("/ping/<host>")
def ping(host):
    subprocess.run(["ping", "-c", "1", host], check=True)
    out = subprocess.check_output("nslookup " + host, shell=True)  # want py-command-injection py-subprocess-shell
    return out


@app.route("/kind/<kind>")
def kind(kind):
    if kind not in KINDS:
        abort(404)
    return os.popen("ls " + kind).read()  # want py-subprocess-shell


@app.route("/download")
def download():
    name = request.args["name"]
    with open(os.path.join("files", name)) as f:  # want py-path-traversal
        return f.read()


@app.route("/download2")
def download2():
    with open(ROOT / secure_filename(request.args["name"])) as f:
        data = f.read()
    return send_from_directory("files", request.args["name"]) or data


@app.route("/hello")
def hello():
    return f"<h1>Hello {escape(request.args['name'])}</h1>"


@app.route("/fetch")
def fetch():
    answer = requests.get(request.args["url"], timeout=3)  # want py-ssrf
    other = requests.get("https://rates.example.com/v1", params=dict(request.args), timeout=3)
    return answer.text + other.text


@app.route("/login", methods=["POST"])
def login():
    if request.form.get("next"):
        return redirect(request.form["next"])  # want py-open-redirect
    return redirect(url_for("items", user=request.form["user"]))


@app.route("/state", methods=["POST"])
def state():
    settings = yaml.safe_load(request.data)
    cart = pickle.loads(request.cookies["cart"].encode())  # want py-pickle-input py-pickle
    tag = hashlib.md5(request.data, usedforsecurity=False).hexdigest()
    return jsonify(settings, cart, tag)


if __name__ == "__main__":
    app.run(debug=True, host="0.0.0.0")  # want py-flask-debug py-bind-all
