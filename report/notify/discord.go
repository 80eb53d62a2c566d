package notify

// discordMessage is what a webhook of Discord takes.
type discordMessage struct {
	Embeds   []discordEmbed  `json:"embeds"`
	Mentions discordMentions `json:"allowed_mentions"`
}

// discordMentions with an empty list lets nothing be a mention, @everyone too.
type discordMentions struct {
	Parse []string `json:"parse"`
}

type discordEmbed struct {
	Title       string         `json:"title"`
	Description string         `json:"description,omitempty"`
	Color       int            `json:"color,omitempty"`
	Timestamp   string         `json:"timestamp,omitempty"`
	Fields      []discordField `json:"fields,omitempty"`
}

type discordField struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Inline bool   `json:"inline"`
}

// shortValue is a value that may stand beside others.
const shortValue = 40

func discordOf(m Message) discordMessage {
	e := discordEmbed{Title: cut(m.mark()+m.Title, discordTitle, discordMarkup), Color: m.color(), Timestamp: stamp(m.At)}
	e.Description = cut(m.Text, discordText, discordMarkup)
	left := discordAll - size(e.Title) - size(e.Description)
	for _, f := range m.Facts {
		field := discordField{Name: cut(f.Name, discordFieldName, discordMarkup), Inline: size(f.Value) <= shortValue}
		room := min(discordValue, left-size(field.Name))
		if len(e.Fields) == discordFields || room < 1 {
			break
		}
		field.Value = cut(f.Value, room, discordMarkup)
		left -= size(field.Name) + size(field.Value)
		e.Fields = append(e.Fields, field)
	}
	return discordMessage{Embeds: []discordEmbed{e}, Mentions: discordMentions{Parse: []string{}}}
}
