'use strict';
const express = require('express');
const fs = require('fs');
const path = require('path');
const { exec, execFile } = require('child_process');
const axios = require('axios');
const crypto = require('node:crypto');
const mysql = require('mysql2/promise');
const cors = require('cors');
const nunjucks = require('nunjucks');

const ROOT = path.join(__dirname, 'public');
const ROUTE = /^\/item\/(\d+)$/;
const app = express();
app.use(express.json());
app.use(cors({ origin: ['https://shop.example.com'] }));
nunjucks.configure('views', { autoescape: true, express: app });
const pool = mysql.createPool({ host: process.env.DB_HOST });

app.get('/item', async (req, res) => {
  const found = ROUTE.exec(req.url); // not child_process.exec
  if (!found) return res.sendStatus(404);
  const [rows] = await pool.query('SELECT * FROM items WHERE id = ?', [found[1]]);
  res.json(rows);
});

app.get('/search', async (req, res) => {
  const { term, sort } = req.query;
  const column = ['name', 'price'].includes(sort) ? sort : 'name';
  const sql = `SELECT * FROM items WHERE name LIKE '%${term}%'`;
  const [rows] = await pool.query(sql); // want js-sql-injection
  const [total] = await pool.query('SELECT COUNT(*) FROM items WHERE name = ? ORDER BY ' + column, [term]); // want js-sql-built
  res.render('search.html', { rows, total, term });
});

app.get('/thumb/:name', (req, res) => {
  const name = req.params.name;
  exec(`convert ${path.join(ROOT, name)} -resize 100 out.png`, (err) => { // want js-command-injection js-exec-dynamic-command
    if (err) return res.status(500).send('no');
    res.sendFile('out.png', { root: ROOT });
  });
  execFile('identify', [path.join(ROOT, path.basename(name))]);
});

app.get('/page', (req, res) => {
  const page = String(req.query.page || 'index');
  fs.readFile(path.join(ROOT, page), 'utf8', (err, text) => res.send(text)); // want js-path-traversal
});

app.get('/safe-page', (req, res) => {
  const file = path.resolve(ROOT, req.query.page);
  if (!file.startsWith(ROOT + path.sep)) {
    return res.sendStatus(403);
  }
  fs.createReadStream(file).pipe(res);
});

app.get('/hello', (req, res) => {
  const name = req.query.name;
  res.send('<h1>Hello ' + name + '</h1>'); // want js-xss-response
});

app.get('/proxy', async (req, res) => {
  const answer = await axios.get(req.query.url); // want js-ssrf
  res.json(answer.data);
});

app.get('/rates/:currency', async (req, res) => {
  const answer = await axios.get(`https://rates.example.com/v1/${encodeURIComponent(req.params.currency)}`);
  res.json(answer.data);
});

app.get('/logout', (req, res) => res.redirect(req.query.next || '/')); // want js-open-redirect

app.get('/etag', (req, res) => {
  const tag = crypto.createHash('sha256').update(req.query.id).digest('hex');
  res.cookie('seen', tag, { httpOnly: true, secure: true, sameSite: 'lax' });
  res.sendStatus(204);
});

app.listen(process.env.PORT);
