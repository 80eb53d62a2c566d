// Writes table.json from the price data of @pydantic/genai-prices (MIT, see LICENSE.genai-prices):
//
//   npm install --no-save --prefix "$dir" @pydantic/genai-prices@0.1.8
//   node generate.mjs "$dir/node_modules/@pydantic/genai-prices" >table.json
//
// Every price becomes an integer: pico-dollars for one unit, which is micro-dollars for a million of them.
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const dir = resolve(process.argv[2])
const { version } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'))
const main = join(dir, 'dist', 'index.js')
const { findProvider } = await import(pathToFileURL(main))

const ids = [...readFileSync(main, 'utf8').matchAll(/^ {4}id: "([^"]+)",\n {4}name:/gm)].map((m) => m[1])
if (ids.length < 30) throw new Error(`found ${ids.length} providers only: the package has another form now`)

const per = { _mtok: 1e6, _kcount: 1e3, _kpages: 1e3, _hours: 1 }

// "input_mtok" -> ["input", 1e6]
function unit(key) {
  for (const [suffix, n] of Object.entries(per)) {
    if (key.endsWith(suffix)) return [key.slice(0, -suffix.length), n]
  }
  throw new Error(`price key ${key}: unknown unit`)
}

const pico = (dollars, n) => Math.round((dollars * 1e12) / n)

// Some models begin the tier of 272,000 tokens one token early.
const start = (n) => (n === 271999 ? 272000 : n)

function rates(prices) {
  const out = {}
  for (const [key, value] of Object.entries(prices).sort()) {
    if (value === undefined || value === null) continue
    const [name, n] = unit(key)
    out[name] = typeof value === 'number'
      ? [[0, pico(value, n)]]
      : [[0, pico(value.base, n)], ...value.tiers.map((t) => [start(t.start), pico(t.price, n)]).sort((a, b) => a[0] - b[0])]
  }
  return out
}

// A price for hours of the day has no date of its own there. It belongs to the dated price that it follows: DeepSeek's
// peak hours are twice the prices of 2026-08-17, and did not exist before that day.
function rows(prices) {
  const list = Array.isArray(prices) ? prices : [{ prices }]
  let since
  return list.map(({ constraint: c, prices }) => {
    since = c?.start_date ?? since
    return {
      ...(since && { since }),
      ...(c?.start_time && { from: c.start_time, to: c.end_time }),
      rates: rates(prices),
    }
  })
}

// RE2 has no lookahead: "does not begin with X" is a rule of its own.
function rule(m) {
  if (!m) return m
  if (m.or) return { or: m.or.map(rule) }
  if (m.and) return { and: m.and.map(rule) }
  const ahead = m.regex?.match(/^\^\(\?!((?:[^()]|\([^()]*\))*)\)(.*)$/)
  if (ahead) {
    const not = { not_regex: `^(?:${ahead[1]})` }
    return ahead[2] ? { and: [not, rule({ regex: `^(?:${ahead[2]})` })] } : not
  }
  if (/\(\?(!|=|<)/.test(m.regex ?? '')) throw new Error(`regex ${m.regex}`)
  return m
}

const providers = ids.map((id) => findProvider({ providerId: id })).map((p) => ({
  id: p.id,
  match: rule(p.model_match),
  models: p.models.map((m) => ({ id: m.id, match: rule(m.match), prices: rows(m.prices) })),
}))
const lines = providers.map((p) => JSON.stringify({ ...p, models: undefined }).slice(0, -1) + ',"models":[\n' +
  p.models.map((m) => JSON.stringify(m)).join(',\n') + '\n]}')
process.stdout.write(`{"source":"@pydantic/genai-prices ${version}","providers":[\n${lines.join(',\n')}\n]}\n`)
