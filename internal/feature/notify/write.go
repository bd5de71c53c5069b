package notify

import (
	"bytes"
	"embed"
	"fmt"
	htmltemplate "html/template"
	"maps"
	"net/url"
	"strings"
	"text/template"
)

//go:embed template
var files embed.FS

// The texts are written once: their first line is the subject, and the HTML form is made of them, so that both say the same.
var (
	texts = template.Must(template.New("").Option("missingkey=error").ParseFS(files, "template/*.txt"))
	frame = htmltemplate.Must(htmltemplate.ParseFS(files, "template/frame.html"))
)

// write fills in the template of a letter's kind.
func write(l Letter, site string) (subject, text string, err error) {
	facts := maps.Clone(l.Facts)
	if facts == nil {
		facts = map[string]any{}
	}
	facts["Host"] = host(site)
	var out bytes.Buffer
	if err := texts.ExecuteTemplate(&out, string(l.Kind)+".txt", facts); err != nil {
		return "", "", fmt.Errorf("write a letter of kind %s: %w", l.Kind, err)
	}
	subject, text, _ = strings.Cut(out.String(), "\n")
	return subject, text, nil
}

// block is a paragraph, or a line that is an address of this server.
type block struct {
	Link  string
	Lines []string
}

// page makes the HTML form of a text. Only addresses of this server become links: what people wrote does not.
func page(subject, text, site string) (string, error) {
	var blocks []block
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		lines := strings.Split(strings.Trim(paragraph, "\n"), "\n")
		if len(lines) == 1 && strings.HasPrefix(lines[0], site+"/") && !strings.ContainsAny(lines[0], " \t") {
			blocks = append(blocks, block{Link: lines[0]})
			continue
		}
		blocks = append(blocks, block{Lines: lines})
	}
	var out bytes.Buffer
	err := frame.Execute(&out, struct {
		Subject, Site, Host string
		Blocks              []block
	}{subject, site, host(site), blocks})
	if err != nil {
		return "", fmt.Errorf("make the HTML form of a letter: %w", err)
	}
	return out.String(), nil
}

func host(site string) string {
	u, err := url.Parse(site)
	if err != nil {
		return site
	}
	return u.Host
}
