package prices

import "strings"

// Names that people use for models which have longer names, and things that no
// provider's price list has. Rates are pico-dollars: 3_000_000 is $3 for a
// million tokens, and 2.29e12 is $2.29 an hour.
var (
	aliases = map[string]string{
		"claude-sonnet": "claude-sonnet-4-5", "claude-opus": "claude-opus-4-5", "claude-haiku": "claude-haiku-4-5",
		"gpt-3.5": "gpt-3.5-turbo",
	}
	groq = map[string]string{
		"groq-llama-3.1-8b": "llama-3.1-8b", "groq-llama-8b": "llama-3.1-8b", "groq-llama-3.1-70b": "llama-3.1-70b", "groq-llama-70b": "llama-3.1-70b",
		"groq-mixtral": "mixtral-8x7b", "groq-mixtral-8x7b": "mixtral-8x7b",
	}
	referenceRates = map[string]map[string]Rate{
		"deepseek-v3":        {Input: 140_000, Output: 280_000},
		"deepseek-coder":     {Input: 140_000, Output: 280_000},
		"llama-3.1-70b":      {Input: 590_000, Output: 790_000},
		"llama-3.1-8b":       {Input: 50_000, Output: 80_000},
		"qwen-72b":           {Input: 200_000, Output: 200_000},
		"mixtral-8x7b":       {Input: 240_000, Output: 240_000},
		"voyage-embed":       {Input: 100_000},
		"jina-embeddings-v3": {Input: 20_000},
		"nomic-embed-text":   {Input: 0},

		"runpod/a100-80gb": {Hours: 2_290_000_000_000},
		"runpod/a100-40gb": {Hours: 1_890_000_000_000},
		"runpod/a6000":     {Hours: 790_000_000_000},
		"runpod/rtx-4090":  {Hours: 440_000_000_000},
		"runpod/rtx-3090":  {Hours: 240_000_000_000},

		"supabase/storage":   {GigabyteDays: 20_000_000_000 / 30},
		"supabase/bandwidth": {Gigabytes: 90_000_000_000},
		"vercel/bandwidth":   {Gigabytes: 150_000_000_000},
	}
)

// referenceSource says where those rates are from.
const referenceSource = "wf-ci reference list, 2026-11"

// reference is a row of the reference list. What runs on one's own machine is
// free.
func reference(name string) (Row, bool) {
	if strings.HasPrefix(name, "ollama") || strings.HasPrefix(name, "local/") {
		return Row{Provider: "local", Model: name, Source: referenceSource, Rates: map[string]Rate{Input: 0, Output: 0, Hours: 0}}, true
	}
	if full, ok := groq[name]; ok {
		name = full
	}
	rates, ok := referenceRates[name]
	if !ok {
		return Row{}, false
	}
	return Row{Provider: "reference", Model: name, Source: referenceSource, Rates: rates}, true
}
