package notify

// slackMessage is what an incoming webhook takes.
type slackMessage struct {
	Text      string       `json:"text"`       // what a notification shows, and who reads with the ears hears
	Parse     string       `json:"parse"`      // none: names are no mentions
	LinkNames bool         `json:"link_names"` // false, likewise
	Unfurl    bool         `json:"unfurl_links"`
	Blocks    []slackBlock `json:"blocks"`
}

type slackBlock struct {
	Type     string      `json:"type"`
	Text     *slackObj   `json:"text,omitempty"`
	Fields   []*slackObj `json:"fields,omitempty"`
	Elements []*slackObj `json:"elements,omitempty"`
}

// slackObj is a text object. Verbatim keeps Slack from making links and mentions
// of what looks like some; it exists for mrkdwn only.
type slackObj struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Verbatim *bool  `json:"verbatim,omitempty"`
}

func slackOf(m Message) slackMessage {
	title := m.mark() + m.Title
	out := slackMessage{Text: cut(title, slackSection, slackText), Parse: "none"}
	out.Blocks = append(out.Blocks, slackBlock{Type: "header", Text: &slackObj{Type: "plain_text", Text: cut(title, slackHeader, slackText)}})
	if m.Text != "" {
		out.Blocks = append(out.Blocks, slackBlock{Type: "section", Text: mrkdwn(cut(m.Text, slackSection, slackText))})
	}
	var fields []*slackObj
	for _, f := range m.Facts {
		name := cut(f.Name, slackHeader, slackText)
		fields = append(fields, mrkdwn("*"+name+"*\n"+cut(f.Value, slackField-size(name)-3, slackText)))
	}
	for len(fields) > 0 && len(out.Blocks) < slackBlocks-1 {
		n := min(len(fields), slackFields)
		out.Blocks = append(out.Blocks, slackBlock{Type: "section", Fields: fields[:n]})
		fields = fields[n:]
	}
	if at := stamp(m.At); at != "" {
		out.Blocks = append(out.Blocks, slackBlock{Type: "context", Elements: []*slackObj{mrkdwn(at)}})
	}
	return out
}

func mrkdwn(text string) *slackObj {
	verbatim := true
	return &slackObj{Type: "mrkdwn", Text: text, Verbatim: &verbatim}
}
